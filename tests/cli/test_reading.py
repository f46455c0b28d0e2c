"""Looking at a shop from the command line: lists, single things, stories."""

import json
from typing import Any

import pytest

from .console import Console
from .files import SMALL, write_orders

ORDER_FIELDS = {
    "order_id",
    "order_ref",
    "customer_id",
    "status",
    "currency",
    "total",
    "items",
    "version",
    "created_at",
    "confirmed_at",
    "cancelled_at",
    "cancel_reason",
}


@pytest.fixture
def shop(console: Console) -> Console:
    """A store with a confirmed order of ada's (r-1, two lines, 23.54 USD) and one of eve's (r-2, 15.00)."""
    console("import", write_orders(console.folder / "orders.csv", *SMALL[:3]), "--receive-stock")
    return console


def order_of(shop: Console, customer: str) -> Any:
    (order,) = shop.json("orders", "list", "--customer", customer)["items"]
    return order


def test_orders_have_the_fields_of_the_api(shop: Console) -> None:
    page = shop.json("orders", "list", "--sort", "total")
    assert page.keys() == {"items", "next_cursor"}
    assert [order["total"] for order in page["items"]] == ["15.00", "23.54"]
    assert all(order.keys() >= ORDER_FIELDS for order in page["items"])
    shown = shop.json("orders", "show", page["items"][1]["order_id"])
    assert shown.keys() == ORDER_FIELDS
    assert shown["items"] == [
        {"sku": "CD-X1", "quantity": 2, "unit_price": "11.77"},
        {"sku": "CD-X2", "quantity": 1, "unit_price": "0.00"},
    ]


def test_a_list_is_filtered_paged_or_shown_whole(shop: Console) -> None:
    assert shop.json("orders", "list", "--status", "confirmed")["next_cursor"] is None
    assert shop.json("orders", "list", "--status", "cancelled")["items"] == []
    assert shop.json("orders", "list", "--to", "2020-01-01")["items"] == []
    first = shop.json("orders", "list", "--limit", 1)
    second = shop.json("orders", "list", "--limit", 1, "--cursor", first["next_cursor"])
    assert second["next_cursor"] is None
    assert shop.json("orders", "list", "--all")["items"] == first["items"] + second["items"]


def test_json_may_be_asked_for_before_the_command_as_well(shop: Console) -> None:
    assert len(json.loads(shop("--json", "orders", "list").stdout)["items"]) == 2


def test_tables_are_readable_in_a_pipe(shop: Console) -> None:
    heading, *rows = shop("orders", "list", "--sort", "customer_id").stdout.splitlines()
    assert heading.split()[:4] == ["order", "reference", "customer", "status"]
    assert [row.split()[1:6] for row in rows] == [
        ["r-1", "ada", "CONFIRMED", "23.54", "USD"],
        ["r-2", "eve", "CONFIRMED", "15.00", "USD"],
    ]
    assert shop("orders", "list", "--customer", "nobody").stdout == "There are no such orders.\n"
    assert "More: --cursor " in shop("orders", "list", "--limit", 1).stdout


def test_an_order_is_shown_by_its_reference_at_a_version_and_as_of_a_time(shop: Console) -> None:
    order = order_of(shop, "ada")
    assert shop.json("orders", "show", "--ref", "r-1")["order_id"] == order["order_id"]
    then = shop.json("orders", "show", order["order_id"], "--version", 1)
    assert (then["status"], then["confirmed_at"]) == ("CREATED", None)
    assert shop.json("orders", "show", "--ref", "r-1", "--as-of", order["created_at"]) == then
    text = shop("orders", "show", "--ref", "r-1").stdout
    assert [line.split() for line in text.splitlines()][3:5] == [
        ["status", "CONFIRMED"],
        ["total", "23.54", "USD"],
    ]


def test_all_events_of_an_order_are_listed_causes_first(shop: Console) -> None:
    events = shop.json("orders", "events", "--ref", "r-1")["events"]
    assert [event["type"] for event in events][:4] == [
        "Order.Created",
        "Fulfilment.Started",
        "Fulfilment.PaymentRequested",
        "Payment.Requested",
    ]
    assert events[0].keys() == {
        "event_id",
        "type",
        "application",
        "stream_id",
        "stream_version",
        "position",
        "recorded_at",
        "correlation_id",
        "causation_id",
        "command_id",
        "user",
        "payload",
        "error",
    }
    assert len(shop("orders", "events", "--ref", "r-1").stdout.splitlines()) == len(events) + 1


def test_an_order_is_explained_in_sentences(shop: Console) -> None:
    sentences = shop("orders", "explain", "--ref", "r-1").stdout.splitlines()
    assert "customer ada ordered 2 × CD-X1 at 11.77 and 1 × CD-X2 at 0.00, for 23.54 USD" in sentences[0]
    assert "the shop had taken the order on 31 Jan 1997" in sentences[0]
    assert sentences[-1].endswith("it waits for nothing.")
    story = shop.json("orders", "explain", "--ref", "r-1")
    assert story["sentences"] == sentences
    assert (story["status"], story["order_id"]) == ("CONFIRMED", order_of(shop, "ada")["order_id"])


def test_fulfilments_payments_and_stock_are_shown(shop: Console) -> None:
    order_id = order_of(shop, "eve")["order_id"]
    assert [row["status"] for row in shop.json("fulfilments", "list")["items"]] == ["COMPLETED", "COMPLETED"]
    assert shop.json("fulfilments", "list", "--status", "failed")["items"] == []
    fulfilment = shop.json("fulfilments", "show", order_id)
    assert fulfilment.keys() == {"order_id", "status", "steps", "damage"}
    assert fulfilment["steps"][0].keys() == {"step", "status", "attempt", "at", "error", "next_at"}
    assert "ReserveInventory" in shop("fulfilments", "show", order_id).stdout
    assert shop.json("payments", "show", order_id) == {
        "order_id": order_id,
        "status": "COMPLETED",
        "currency": "USD",
        "amount": "15.00",
        "refunded": "0.00",
    }
    assert "15.00 USD" in shop("payments", "show", order_id).stdout
    assert shop.json("stock", "list")["items"][0] == {
        "sku": "CD-X1",
        "on_hand": 5,
        "reserved": 5,
        "available": 0,
        "version": 4,
    }
    assert shop("stock", "list").stdout.splitlines()[1].split() == ["CD-X1", "5", "5", "0"]


def test_a_demo_shows_every_outcome_and_records_nothing_new_the_second_time(console: Console) -> None:
    first = console.json("demo", "--orders", 20)
    assert first["recorded"]["orders"] == 20
    assert len(first["outcomes"]) == 8
    second = console("demo", "--orders", 20).stdout
    assert second.endswith("Nothing new: this shop was there already.\n")
    assert "refund fails once" in second


def test_a_large_shop_is_told_in_numbers_and_recorded_once(console: Console) -> None:
    first = console.json("demo", "--events", 500, "--days", 30)
    assert 500 <= first["events"] == first["recorded_events"] <= 530
    assert first["orders"] == first["recorded"]["orders"] == sum(first["statuses"].values())
    assert first["events_per_second"] > 0

    second = console("demo", "--events", 500).stdout

    assert "nothing new: this shop was there already" in second
    assert console.json("audit")["is_clean"]
