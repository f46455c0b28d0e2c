"""A page of a list is bounded in bytes as well: it ends earlier, and its cursor goes on from there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from system.recovery.dead_letters import desk
from tests.support.fixtures import Environment
from tests.support.poison import Poison, short_pauses
from tests.support.ways import ByHand, Way
from tests.web.api import Api
from web.api.app import create_app

__all__ = ["short_pauses"]

LARGEST = [{"sku": f"{'X' * 60}{number:04d}", "quantity": 1, "unit_price": "2.50"} for number in range(500)]
ORDERS = 30
MOST_BYTES = 2_000_000


@pytest.fixture
def shop(persistence: Environment, open_way: Callable[..., Way]) -> ByHand:
    way = open_way(ByHand, persistence)
    assert isinstance(way, ByHand)
    return way


@pytest.fixture
def large(shop: ByHand) -> Api:
    """An API with orders as large as an order can be, more than a megabyte of them."""
    api = Api(create_app(shop.orderwright).test_client(), shop.orderwright)
    for _ in range(ORDERS):
        api.placed(*LARGEST)
    return api


def walked(api: Api, path: str) -> list[list[dict[str, Any]]]:
    """The items of every page, from the first to the last."""
    pages, cursor = [], ""
    while True:
        answer = api.get(f"{path}&cursor={cursor}" if cursor else path)
        assert answer.status == 200, answer.json
        assert len(answer.response.data) < MOST_BYTES
        pages.append(answer.json["items"])
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return pages


def test_pages_of_large_events_end_early_and_miss_nothing(large: Api) -> None:
    for query in ("limit=500&type=Order.Created", "limit=7&application=Orders"):
        pages = walked(large, f"/events?{query}")
        assert len(pages) > 1
        assert [event["position"] for page in pages for event in page] == list(range(1, ORDERS + 1))
        assert all(len(event["payload"]["items"]) == 500 for page in pages for event in page)


def test_pages_of_large_orders_end_early_and_miss_nothing(large: Api, shop: ByHand) -> None:
    shop.advance("OrderDashboard")
    for query in ("limit=500", "limit=500&status=CREATED&sort=-total"):
        pages = walked(large, f"/orders?{query}")
        assert len(pages) > 1
        orders = [order["order_id"] for page in pages for order in page]
        assert len(orders) == len(set(orders)) == ORDERS


def test_a_page_has_one_item_however_large_that_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [api.placed() for _ in range(3)]
    monkeypatch.setattr("system.queries.events.PAGE_BYTES", 1)
    pages = walked(api, "/events?limit=500")
    assert [[event["stream_id"] for event in page] for page in pages] == [[one] for one in orders] + [[]]


def test_pages_of_the_desk_end_early_and_miss_nothing(
    api: Api, idle: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case tells which products its order holds, and that may be many."""
    Poison(api.orderwright.dashboard, lambda event: type(event).__qualname__ == "Payment.Completed")
    lines = LARGEST[:10]
    for line in lines:
        api.receive(str(line["sku"]))
    for _ in range(7):
        api.placed(*lines)
    idle.settle()
    whole = api.get("/operations/dead-letters?limit=500")
    assert len(whole.json["items"][0]["waiting"]["stock"]) == 10

    monkeypatch.setattr(desk, "PAGE_BYTES", len(json.dumps(whole.json)) // 3)
    pages = walked(api, "/operations/dead-letters?limit=500")

    assert 3 <= len(pages) < 7
    assert [case for page in pages for case in page] == whole.json["items"]
