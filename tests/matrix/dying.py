"""A process that takes an order as far as a moment, and is killed there.

``python -m tests.matrix.dying FOLDER STEP MOMENT``, with the store in the environment.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from domain.fulfilment import PROCESS_PAYMENT
from system.bootstrap import utc_now
from tests.durability.provider import ProviderAcrossTheStreet
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

ORDER_REF = "the-order"


def die_at(folder: Path, step: str, moment: str) -> None:
    """Order a record, and die while this step is worked on."""
    way = ByHand(os.environ, ProviderAcrossTheStreet(folder / "provider"), utc_now)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    shop.order("CD-X1", ref=ORDER_REF)
    way.advance("OrderFulfilment")
    if step == PROCESS_PAYMENT:
        works: Any = way.orderwright.payments
    else:
        way.level()
        way.call_gateway()
        way.advance("OrderFulfilment")
        works = way.orderwright.inventory
    if moment == "crash between call and record":
        way.level()
        vars(way.orderwright.payments)["record"] = lambda _: die()
        way.call_gateway()
    insert = works.recorder.insert_events

    def insert_and_die(*arguments: Any, **kwargs: Any) -> None:
        if moment == "crash after commit":
            insert(*arguments, **kwargs)
        die()

    works.recorder.insert_events = insert_and_die
    way.advance(works.name)


def die() -> None:
    """As if by ``kill -9``."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    die_at(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
