"""`orderwright audit`."""

from uuid import uuid4

import pytest
from rich.console import Console as Terminal

from domain.inventory import StockItem
from domain.shared.causes import Cause, because_of
from domain.shared.ids import stock_item_id
from system.bootstrap import build
from system.settings.environment import Settings
from tests.support.stories import FRIDAY_NOON
from web.cli import progress

from .console import Console


def steal_from_the_shelf(console: Console, sku: str) -> None:
    """Reserve one of a product for nobody."""
    orderwright = build(Settings.from_environment(console.environment))
    item = orderwright.inventory.find(StockItem, stock_item_id(sku))
    assert item is not None
    with because_of(
        Cause.command(time=FRIDAY_NOON, correlation_id=uuid4(), command_id=str(uuid4()), user="vandal")
    ):
        item.reserve(uuid4(), 1)
    orderwright.inventory.save(item)
    orderwright.close()


def test_a_shop_with_every_outcome_is_clean(console: Console) -> None:
    console("demo", "--orders", 20)
    report = console.json("audit")
    assert report["is_clean"] is True
    assert (report["orders"], report["orders_waiting"], report["offenders"]) == (20, 1, [])
    (money,) = report["money"]
    assert money["difference"] == "0.00"
    assert report["stock"]["on_hand"] == report["stock"]["reserved"] + report["stock"]["available"]
    assert {rule["offenders"] for rule in report["rules"]} == {0}

    told = console("audit").stdout
    assert told.endswith("Nothing is missing and nothing is left over.\n")
    assert f"Waiting for a person: 1 order: {report['waiting'][0]}" in told
    assert "one_charge" in told


def test_an_offender_is_named_and_the_exit_code_says_so(console: Console) -> None:
    console("stock", "receive", "CD-X1", 5)
    steal_from_the_shelf(console, "CD-X1")
    report = console.json("audit", code=1)
    assert report["is_clean"] is False
    assert report["offenders"] == [
        {
            "rule": "reserved_is_held",
            "order_id": None,
            "sku": "CD-X1",
            "expected": "0 reserved, as the reservations that are held say",
            "found": "1 reserved",
        }
    ]
    told = console("audit", code=1).stdout
    assert "CD-X1     reserved_is_held  0 reserved, as the reservations that are held say  1 reserved" in told
    assert told.endswith("Found 1 offender.\n")


def test_one_order(console: Console) -> None:
    console("demo", "--orders", 20)
    order = console.json("orders", "list", "--status", "CONFIRMED", "--limit", 1)["items"][0]
    report = console.json("audit", "--order", order["order_id"])
    assert (report["is_clean"], report["orders"], report["stock"]) == (True, 1, None)
    assert report["money"][0]["owed"] == order["total"]
    assert (
        "1 order, 1 payment, 1 reservation, 0 products"
        in console("audit", "--order", order["order_id"]).stdout
    )


def test_an_order_that_is_not_there(console: Console) -> None:
    assert console.error("audit", "--order", uuid4(), code=1)["code"] == "order_not_found"
    assert console.error("audit", "--order", "x", code=2)["code"] == "usage"


def test_a_terminal_sees_how_far_it_is(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    console("demo", "--orders", 5)
    terminal = Terminal(force_terminal=True, width=120, record=True, stderr=True)
    monkeypatch.setattr(progress, "console", lambda **_: terminal)
    events = console.json("audit")["events"]
    console("audit")
    shown = terminal.export_text()
    assert "Reading events" in shown
    assert f"{events:,} events" in shown
    assert "100%" in shown
