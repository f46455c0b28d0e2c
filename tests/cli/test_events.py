"""Stored events from the command line."""

from typing import Any

import pytest

from .console import Console
from .files import SMALL, write_orders


@pytest.fixture
def shop(console: Console) -> Console:
    """A store with a confirmed order of ada's (r-1) and one of eve's (r-2), imported by ada."""
    console("import", write_orders(console.folder / "orders.csv", *SMALL[:3]), "--receive-stock")
    return console


def find(shop: Console, *options: object) -> Any:
    return shop.json("events", "find", *options)["items"]


def test_events_are_found_as_the_api_tells_them(shop: Console) -> None:
    order = shop.json("orders", "show", "--ref", "r-1")
    found = find(shop, "--correlation", order["order_id"], "--all")
    trail = shop.json("orders", "events", "--ref", "r-1")["events"]
    by_place = sorted(trail, key=lambda event: (event["application"], event["position"]))
    assert found == [{**event, "error": None} for event in by_place]

    created = find(shop, "--type", "Order.Created", "--type", "Order.Confirmed", "--application", "Orders")
    assert len(created) == 4
    assert find(shop, "--user", "ada", "--all") == find(shop, "--since", "2024-01-01", "--limit", 500)
    assert find(shop, "--until", "2024-01-01") == []
    assert find(shop, "--application", "Orders", "--after", 2) == find(shop, "--application", "Orders")[2:]


def test_events_are_paged(shop: Console) -> None:
    first = shop.json("events", "find", "--limit", 4)
    second = shop.json("events", "find", "--limit", 4, "--cursor", first["next_cursor"])
    assert first["items"] + second["items"] == find(shop, "--limit", 8)
    rest = find(shop, "--application", "OrderFulfilment", "--after", 3, "--all")
    assert [event["position"] for event in rest] == list(range(4, 4 + len(rest)))
    table = shop("events", "find", "--limit", 2).stdout.splitlines()
    assert table[0].split() == [
        "recorded",
        "application",
        "position",
        "event",
        "stream",
        "version",
        "user",
        "error",
    ]
    assert table[-1].startswith("More: --cursor ")
    assert shop("events", "find", "--user", "nobody").stdout == "There are no such events.\n"


def test_a_stream_is_listed_from_a_version(shop: Console) -> None:
    order = shop.json("orders", "show", "--ref", "r-1")["order_id"]
    events = shop.json("events", "stream", order)["events"]
    assert [event["type"] for event in events] == ["Order.Created", "Order.Confirmed"]
    assert (
        shop.json("events", "stream", order, "--from", 2, "--application", "Orders")["events"] == events[1:]
    )
    assert len(shop("events", "stream", order).stdout.splitlines()) == 3


def test_what_a_search_may_not_ask(shop: Console) -> None:
    error = shop.error("events", "find", "--type", "Order.Gone", code=2)
    assert error["code"] == "invalid_query"
    assert error["detail"].startswith("type: 'Order.Gone' is not one of Order.Cancelled, ")
    assert "Inventory" in shop.error("events", "find", "--application", "x", code=2)["detail"]
    assert "exactly one application" in shop.error("events", "find", "--after", 1, code=2)["detail"]
    assert "'--since'" in shop.error("events", "find", "--since", "soon", code=2)["detail"]
    nowhere = "00000000-0000-0000-0000-000000000001"
    assert shop.error("events", "stream", nowhere, code=1)["code"] == "stream_not_found"
    assert shop.error("events", "stream", nowhere, "--application", "x", code=2)["code"] == "invalid_query"
