"""A process that keeps a shop under load until it is killed.

``python -m tests.durability.shopkeeper FOLDER ROUND``, with the store in the environment.

It writes down what was acknowledged to it, each after the command returned, never before.
"""

import os
import random
import sys
from pathlib import Path
from uuid import UUID

from domain.shared.errors import DomainError
from system.bootstrap import utc_now
from tests.support.running_shop import Line, Shop
from tests.support.ways import UnderOurRunner

from .provider import ProviderAcrossTheStreet, append

SKUS = ("TEAPOT", "CUP", "CD-X1")
METHODS = ("pm_ok", "pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_refund_fails_once")
MOST_ORDERS = 400


def keep_shop(folder: Path, round_: int) -> None:
    """Receive, take orders, and have some of them cancelled, without a pause."""
    provider = ProviderAcrossTheStreet(folder / "provider")
    shop = Shop(UnderOurRunner(os.environ, provider, utc_now))
    lots = random.Random(round_)
    placed: list[UUID] = []
    for number in range(MOST_ORDERS):
        if number % 20 == 0:
            sku = SKUS[(number // 20) % len(SKUS)]
            shop.receive(sku, 25, command_id=f"delivery-{round_}-{number}")
        lines: list[Line] = [(sku, lots.randint(1, 3)) for sku in lots.sample(SKUS, lots.randint(1, 3))]
        order = shop.order(*lines, pays=lots.choice(METHODS), ref=f"order-{round_}-{number}")
        append(folder / "acknowledged", f"order {order}")
        placed.append(order)
        if lots.random() < 0.2:
            cancelled = lots.choice(placed)
            try:
                shop.cancel(cancelled)
            except DomainError:
                continue
            append(folder / "acknowledged", f"cancellation {cancelled}")
    shop.settle()
    sys.stdin.read()  # until killed


if __name__ == "__main__":
    keep_shop(Path(sys.argv[1]), int(sys.argv[2]))
