"""Orders are placed and cancelled from the command line, and stock that is held for nobody is released."""

import pytest

from system.bootstrap import build
from system.settings.environment import Settings
from tests.support.planting import NOBODY, plant_reservation

from .console import Console

ORDER = ("orders", "place", "--customer", "ann", "--currency", "USD", "--payment-method", "pm_ok")
TEA = ("--item", "TEA-1:2:4.50")


@pytest.fixture
def stocked(console: Console) -> Console:
    """A shop with ten packets of tea."""
    console("stock", "receive", "TEA-1", 10)
    return console


def test_an_order_is_placed_and_fulfilled(stocked: Console) -> None:
    order = stocked.json(*ORDER, *TEA, "--ref", "web-1")
    assert (order["total"], order["currency"], order["order_ref"]) == ("9.00", "USD", "web-1")
    assert stocked.json("orders", "show", "--ref", "web-1")["status"] == "CONFIRMED"
    stock = stocked.json("stock", "show", "TEA-1")
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (10, 2, 8)
    assert "available  8" in stocked("stock", "show", "TEA-1").stdout


@pytest.mark.parametrize("named", [("--ref", "web-1"), ("--key", "k-1")])
def test_the_same_order_again_is_the_same_order(stocked: Console, named: tuple[str, str]) -> None:
    first = stocked.json(*ORDER, *TEA, *named)
    again = stocked(*ORDER, *TEA, *named).stdout
    assert again.startswith(f"Nothing new: this order was placed before, as {first['order_id']}")
    assert stocked.json("stock", "show", "TEA-1")["reserved"] == 2
    stocked.error(*ORDER, "--item", "TEA-1:3:4.50", *named, code=1)


def test_a_sku_may_hold_colons(console: Console) -> None:
    order = console.json(*ORDER, "--item", "a:b:1:2.00", "--item", "TEA-1:1:1.00")
    assert [item["sku"] for item in order["items"]] == ["a:b", "TEA-1"]


@pytest.mark.parametrize(
    ("item", "code", "told"),
    [
        ("TEA-1", 2, "SKU:QUANTITY:UNIT_PRICE"),
        ("TEA-1:2", 2, "SKU:QUANTITY:UNIT_PRICE"),
        ("TEA-1:two:4.50", 2, "not a whole number"),
        ("TEA-1:2:four", 2, "not an amount"),
        ("TEA-1:0:4.50", 1, "quantity"),
        ("TEA-1:2:4.505", 1, "USD"),
        (":2:4.50", 1, "is not a SKU"),
    ],
)
def test_a_line_that_is_wrong_is_told_and_nothing_is_placed(
    console: Console, item: str, code: int, told: str
) -> None:
    assert told in str(console.error(*ORDER, "--item", item, code=code))
    assert console.json("orders", "list")["items"] == []


def test_an_order_is_cancelled_with_a_reason_and_everything_is_given_back(stocked: Console) -> None:
    order = stocked.json(*ORDER, *TEA)["order_id"]
    cancel = ("orders", "cancel", order, "--reason", "changed her mind")
    assert "over 9.00 USD" in stocked(*cancel, code=130).output
    assert stocked.json("orders", "show", order)["status"] == "CONFIRMED"

    assert stocked(*cancel, "--yes", "--user", "olga").stdout.startswith(f"Cancelled order {order}.")
    shown = stocked.json("orders", "show", order)
    assert (shown["status"], shown["cancel_reason"]) == ("CANCELLED", "changed her mind")
    assert stocked.json("payments", "show", order)["status"] == "REFUNDED"
    assert stocked.json("stock", "show", "TEA-1")["available"] == 10
    (event,) = stocked.json("events", "find", "--type", "Order.Cancelled")["items"]
    assert event["user"] == "olga"


def test_a_cancellation_with_a_key_can_be_repeated(stocked: Console) -> None:
    order = stocked.json(*ORDER, *TEA)["order_id"]
    cancel = ("orders", "cancel", order, "--reason", "changed her mind", "--yes")
    stocked(*cancel, "--key", "ticket-7")
    assert stocked(*cancel, "--key", "ticket-7").stdout.startswith("Nothing new")
    assert stocked.error(*cancel, code=1)["code"] == "order_already_cancelled"
    assert (
        stocked.error("orders", "cancel", NOBODY, "--reason", "x", "--yes", code=1)["code"]
        == "order_not_found"
    )


def test_stock_that_is_held_for_nobody_is_released(stocked: Console) -> None:
    orderwright = build(Settings.from_environment(stocked.environment))
    plant_reservation(orderwright, NOBODY, "TEA-1", 3)
    orderwright.close()
    found = stocked("audit", code=1).stdout
    assert "is released by `orderwright stock release ORDER_ID`" in found
    (offender,) = stocked.json("audit", code=1)["offenders"]
    assert offender["order_id"] == str(NOBODY)
    release = ("stock", "release", NOBODY)

    stocked("stock", "receive", "TEA-1", 1)  # its followers hear of the reservation, and put it aside
    assert "is parked" in stocked.error(*release, "--reason", "counted", "--yes", code=1)["detail"]
    for case in stocked.json("dead-letters", "list", "--order", NOBODY)["items"]:
        stocked("dead-letters", "discard", case["case_id"], "--reason", "lost in the restore", "--yes")

    stocked(*release, code=2)
    assert stocked.json(*release, "--dry-run")["can_be_released"] is True
    assert "Release 3 of TEA-1" in stocked(*release, "--reason", "counted", code=130).output
    assert stocked(*release, "--reason", "counted", "--yes").stdout == (
        f"Released what was held for order {NOBODY}: 3 of TEA-1.\n"
    )
    assert stocked(*release, "--reason", "counted", "--yes").stdout.startswith("Nothing to do")
    assert stocked.json("audit")["is_clean"]


def test_who_holds_a_product_is_shown(stocked: Console) -> None:
    assert "No order holds it." in stocked("stock", "show", "TEA-1").stdout
    first, second = (stocked.json(*ORDER, *TEA)["order_id"] for _ in range(2))
    shown = stocked.json("stock", "show", "TEA-1", "--limit", 1)
    (one,) = shown["holders"]["items"]
    assert (one["order_id"], one["quantity"], one["order_status"]) == (second, 2, "CONFIRMED")
    more = ("--cursor", shown["holders"]["next_cursor"])
    assert stocked.json("stock", "show", "TEA-1", *more)["holders"]["items"][0]["order_id"] == first
    assert "More: --cursor" in stocked("stock", "show", "TEA-1", "--limit", 1).stdout
    assert len(stocked.json("stock", "show", "TEA-1", "--all")["holders"]["items"]) == 2


def test_stock_that_an_order_needs_is_not_released(stocked: Console) -> None:
    order = stocked.json(*ORDER, *TEA)["order_id"]
    assert "because" in stocked("stock", "release", order, "--dry-run", code=1).stdout
    refused = stocked.error("stock", "release", order, "--reason", "counted", "--yes", code=1)
    assert refused["code"] == "reservation_in_use"
    assert stocked.error("stock", "show", "COFFEE", code=1)["code"] == "product_not_found"
