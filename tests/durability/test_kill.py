"""A process is killed under load, again and again: what was acknowledged stays, and comes to its end."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from domain.orders import Order, OrderStatus
from tests.support.agreement import all_orders, live_rows, rebuilt_rows
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import UnderOurRunner, Way

from .provider import ProviderAcrossTheStreet

ROUNDS = 4
REPOSITORY = Path(__file__).parents[2]


def acknowledged(folder: Path) -> list[tuple[str, UUID]]:
    """What the killed processes were told is done."""
    path = folder / "acknowledged"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(kind, UUID(order)) for kind, order in (line.split() for line in lines)]


def keep_shop_until_killed(folder: Path, environment: Environment, round_: int, enough: int) -> None:
    """Run a shop in a process of its own and kill it once so much more was acknowledged."""
    before = len(acknowledged(folder))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.durability.shopkeeper", str(folder), str(round_)],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            wait_until(
                lambda: len(acknowledged(folder)) >= before + enough or process.poll() is not None,
                what="the shop has taken enough orders",
            )
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
        finally:
            process.kill()


def test_nothing_that_was_acknowledged_is_lost_and_nobody_pays_twice(
    store: Environment, tmp_path: Path, open_way: Callable[..., Way]
) -> None:
    lots = random.Random(11)
    for round_ in range(ROUNDS):
        keep_shop_until_killed(tmp_path, store, round_, enough=lots.randint(3, 60))

    provider = ProviderAcrossTheStreet(tmp_path / "provider")
    shop = Shop(open_way(UnderOurRunner, store, provider))
    shop.settle()

    orderwright = shop.orderwright
    done = acknowledged(tmp_path)
    assert len({order for kind, order in done if kind == "order"}) >= 3 * ROUNDS
    for kind, order_id in done:
        order = orderwright.orders.find(Order, order_id)
        assert order is not None, f"order {order_id} was acknowledged and is gone"
        assert kind == "order" or order.status is OrderStatus.CANCELLED
    assert_at_rest(orderwright)
    assert_stock_balances(orderwright)
    assert_charged_at_most_once(orderwright)
    payments = [key.rpartition(":")[0] for key in provider.lines()]
    assert len(payments) == len(set(payments)), "the provider charged somebody twice"
    assert {order.status for order in all_orders(orderwright)} == set(OrderStatus) - {OrderStatus.CREATED}
    live, rebuilt = live_rows(orderwright), rebuilt_rows(orderwright)
    for table, rows in live.items():
        assert rows == rebuilt[table], table
