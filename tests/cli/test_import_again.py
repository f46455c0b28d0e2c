"""An import that was stopped, and whose file was corrected before it was run again."""

import csv
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from application.base import CommandContext
from application.orders import Item, PlaceOrder
from application.queries import PageRequest
from system.bootstrap import Orderwright, build
from system.settings.environment import Settings
from tests.support.stories import FRIDAY_NOON
from tests.support.waiting import PATIENCE_SECONDS

from .console import Console
from .files import HEADER, SMALL, write_orders

ORDERS = 600
"""Seconds that are only ever needed where many other things run at the same time."""


@pytest.fixture
def look(console: Console) -> Iterator[Callable[[], Orderwright]]:
    """Opens the console's store to look at it."""
    opened: list[Orderwright] = []

    def open_() -> Orderwright:
        if not opened:
            opened.append(build(Settings.from_environment(console.environment)))
        return opened[0]

    yield open_
    for orderwright in opened:
        orderwright.close()


def rows() -> list[str]:
    """Lines of orders, one each, of seven products."""
    return [f"r-{n},c-{n % 50},,CD-X{n % 7},{1 + n % 3},2.50,USD" for n in range(ORDERS)]


_DIES = """
import os, signal, sys
from {module} import {owner} as owner
act, calls = owner.{method}, []
def dies(*args, **kwargs):
    calls.append(args)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return act(*args, **kwargs)
owner.{method} = dies
from web.cli import main
main()
"""

DEATHS = {
    "while it receives": ("application.inventory", "Inventory", "save", 3),
    "before it places": ("application.orders", "Orders", "place_orders", 1),
    "while it places": ("application.orders", "Orders", "place_orders", 2),
}


@pytest.mark.parametrize("death", DEATHS)
def test_killed_and_run_again_with_a_corrected_file_the_stock_is_exact(
    console: Console, tmp_path: Path, look: Callable[[], Orderwright], death: str
) -> None:
    lines = rows()
    file = write_orders(tmp_path / "orders.csv", *lines)
    module, owner, method, call = DEATHS[death]
    code = _DIES.format(module=module, owner=owner, method=method, call=call)
    killed = console.start("import", file, "--receive-stock", "--json", code=code)
    _, errors = killed.communicate(timeout=PATIENCE_SECONDS)
    assert killed.returncode == -signal.SIGKILL, errors

    # Windows line ends, another order in front, and the last one, which was not placed, needs more.
    lines[-1] = lines[-1].replace(f",{1 + (ORDERS - 1) % 3},2.50", ",9,2.50")
    file.write_bytes("\r\n".join((HEADER, "r-new,zoe,,CD-X0,5,2.50,USD", *lines, "")).encode())
    summary = console.json("import", file, "--receive-stock")

    needed: Counter[str] = Counter({"CD-X0": 5})
    for line in lines:
        needed[line.split(",")[3]] += int(line.split(",")[4])
    assert summary["orders"] == {"CONFIRMED": ORDERS + 1}
    levels = look().stock_levels.list_stock(PageRequest(100)).items
    assert {level.sku: level.on_hand for level in levels} == needed
    assert {level.available for level in levels} == {0}


def test_an_order_whose_lines_are_apart_is_refused_before_anything_of_it_is_charged(
    console: Console, tmp_path: Path
) -> None:
    file = write_orders(tmp_path / "orders.csv", *SMALL[:3], SMALL[1], SMALL[0])

    summary = console.json("import", file, "--receive-stock", code=1)

    assert (summary["placed"], summary["refused"], summary["refused_lines"]) == (1, 1, 4)
    assert [(paid["count"], paid["amount"]) for paid in summary["payments"]] == [(1, "15.00")]
    with Path(summary["report"]).open(newline="") as report:
        refused = [(row["line"], row["order_ref"], row["code"]) for row in csv.DictReader(report)]
    assert refused == [(line, "r-1", "order_ref_repeated") for line in ("2", "3", "5", "6")]


def test_what_came_by_the_api_under_a_key_is_found_by_an_import_and_by_its_reference(
    console: Console, tmp_path: Path, look: Callable[[], Orderwright]
) -> None:
    items = [Item("CD-X1", 2, Decimal("11.77")), Item("CD-X2", 1, Decimal("0.00"))]
    command = PlaceOrder("ada", "USD", "pm_ok", items, order_ref="r-1", idempotency_key="checkout-1")
    order = look().orders.place_order(command, CommandContext("checkout-1", FRIDAY_NOON, "ada")).view

    summary = console.json("import", write_orders(tmp_path / "orders.csv", *SMALL[:3]), "--receive-stock")

    assert (summary["placed"], summary["already_placed"]) == (1, 1)
    assert summary["received"]["quantity"] == 3
    for command_ in ("show", "explain"):
        assert console.json("orders", command_, "--ref", "r-1")["order_id"] == order.order_id
    assert console.json("orders", "events", "--ref", "r-1")["events"][0]["type"] == "OrderReference.Claimed"


def test_a_pipe_is_refused_with_what_to_do_instead(console: Console, tmp_path: Path) -> None:
    pipe = tmp_path / "orders.csv"
    os.mkfifo(pipe)

    error = console.error("import", pipe, code=2)

    assert error["code"] == "unusable_file"
    assert "is not a regular file" in error["detail"]
    assert "save it as one first" in error["detail"]
