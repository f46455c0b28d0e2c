"""An import that is killed, interrupted or run beside a service comes to the same figures."""

import csv
import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from system.bootstrap import Orderwright, build
from system.settings.environment import Settings
from tests.support.waiting import PATIENCE_SECONDS, wait_until

from .console import Console
from .files import write_orders

ORDERS = 2000
FREE_EVERY = 400
TWO_LINES_EVERY = 5
"""Seconds that are only ever needed where many other things run at the same time."""


class Figures:
    """A file of orders, and what it has to come to."""

    def __init__(self, path: Path) -> None:
        rows: list[str] = []
        self.stock: Counter[str] = Counter()
        self.paid = Decimal(0)
        self.free_lines: list[str] = []
        self.orders = 0
        for number in range(ORDERS):
            sku, price = (
                f"CD-X{number % 7}",
                Decimal(number % 90 + 10) / 4 if number % FREE_EVERY else Decimal(0),
            )
            lines = [(sku, 1 + number % 3, price)]
            if number % TWO_LINES_EVERY == 1:
                lines.append(("CD-GIFT", 1, Decimal("0.00")))
            for item in lines:
                rows.append(f"r-{number},c-{number % 50},1997-01-31,{item[0]},{item[1]},{item[2]:.2f},USD")
            if price:
                self.orders += 1
                self.paid += price.quantize(Decimal("0.01")) * lines[0][1]
                self.stock.update({sku: quantity for sku, quantity, _ in lines})
            else:
                self.free_lines.append(str(len(rows) + 1))
        self.file = write_orders(path, *rows)


@pytest.fixture
def figures(tmp_path: Path) -> Figures:
    return Figures(tmp_path / "orders.csv")


@pytest.fixture
def store(console: Console) -> Iterator[Callable[[], Orderwright]]:
    """Opens the console's store to look at it, as soon as there is one."""
    opened: list[Orderwright] = []

    def look() -> Orderwright:
        if not opened:
            opened.append(build(Settings.from_environment(console.environment)))
        return opened[0]

    yield look
    for orderwright in opened:
        orderwright.close()


def start_until(
    console: Console, reached: Callable[[], object], *arguments: object
) -> "subprocess.Popen[str]":
    process = console.start(*arguments)

    def is_reached() -> object:
        assert process.poll() is None, f"ended too early: {process.communicate()}"
        return reached()

    wait_until(is_reached, what="the import has come that far")
    return process


def confirmed(orderwright: Orderwright) -> int:
    return orderwright.dashboard.count_by_status().get("CONFIRMED", 0)


def assert_as_expected(summary: dict[str, Any], figures: Figures, store: Orderwright) -> None:
    assert summary["orders"] == {"CONFIRMED": figures.orders}
    (paid,) = summary["payments"]
    assert (paid["status"], paid["count"]) == ("COMPLETED", figures.orders)
    assert Decimal(paid["amount"]) == figures.paid
    with Path(summary["report"]).open(newline="") as report:
        assert [row["line"] for row in csv.DictReader(report)] == figures.free_lines
    for sku, quantity in figures.stock.items():
        item = store.stock_levels.stock(sku)
        assert (item.on_hand, item.reserved, item.available) == (quantity, quantity, 0)


def test_killed_while_it_places_and_again_while_it_fulfils_it_comes_to_the_same_figures(
    console: Console, figures: Figures, store: Callable[[], Orderwright]
) -> None:
    command = ("import", figures.file, "--receive-stock", "--json")

    first = start_until(console, lambda: (console.folder / "var/Orders.sqlite").exists(), *command)
    wait_until(lambda: (store().orders.recorder.max_notification_id() or 0) >= ORDERS // 4)
    first.send_signal(signal.SIGKILL)
    first.communicate()

    second = start_until(console, lambda: confirmed(store()) >= ORDERS // 3, *command)
    second.send_signal(signal.SIGKILL)
    second.communicate()
    assert not list(console.folder.glob("*.refused.csv")), "a report was left that is not complete"

    third = console.start(*command)
    output, errors = third.communicate(timeout=PATIENCE_SECONDS)
    assert third.returncode == 1, errors
    summary = json.loads(output)
    assert summary["placed"] + summary["already_placed"] == figures.orders
    assert summary["refused"] == len(figures.free_lines)
    assert_as_expected(summary, figures, store())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_how_to_go_on(
    console: Console, figures: Figures, store: Callable[[], Orderwright], how: signal.Signals
) -> None:
    console.environment["ORDERWRIGHT_GATEWAY_LATENCY_MS"] = "1000"  # it must not be done before we look
    process = start_until(
        console,
        lambda: (
            (console.folder / "var/Orders.sqlite").exists()
            and (store().orders.recorder.max_notification_id() or 0) > 0
        ),
        "import",
        figures.file,
    )
    process.send_signal(how)
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert output == ""
    assert "Run the same command again to go on." in errors
    assert "Traceback" not in errors
    assert not list(console.folder.glob("*refused*"))


def test_beside_a_service_the_service_fulfils_what_is_imported(
    console: Console, tmp_path: Path, store: Callable[[], Orderwright]
) -> None:
    service = console.start("serve", "--port", 0)
    assert service.stdout is not None
    assert "Orderwright is ready at http://127.0.0.1:" in service.stdout.readline()
    checks = {check["name"]: check["detail"] for check in console.json("doctor")["checks"]}
    assert checks["runner"] == "every follower is run by a process"

    rows = [f"r-{number},ada,,CD-X1,1,2.50,USD" for number in range(300)]
    summary = console.json("import", write_orders(tmp_path / "few.csv", *rows), "--receive-stock")
    assert (summary["placed"], summary["orders"]) == (300, {"CONFIRMED": 300})
    assert summary["payments"][0]["amount"] == "750.00"
    assert store().stock_levels.stock("CD-X1").available == 0

    console("stock", "receive", "CD-X1", 5)
    assert console.json("stock", "list")["items"][0]["available"] == 5

    service.send_signal(signal.SIGTERM)
    _, errors = service.communicate(timeout=PATIENCE_SECONDS)
    assert service.returncode == 0, errors
    assert "Traceback" not in errors
