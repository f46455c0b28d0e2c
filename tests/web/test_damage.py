"""An event that cannot be read: what can be told is told, and commands say what is wrong."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from domain.shared.ids import fulfilment_id, stock_item_id
from system.queries.explain import explain
from tests.support.damage import change, delete, spoil_row, truncated
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.ways import ByHand
from tests.web.api import Api
from web.api.app import create_app


def with_facts(**facts: Any) -> Callable[[bytes], bytes]:
    """The same event saying something else; None takes a field away."""

    def changed(state: bytes) -> bytes:
        said = {**json.loads(state), **facts}
        return json.dumps({name: value for name, value in said.items() if value is not None}).encode()

    return changed


CREATED: dict[str, dict[str, Any]] = {
    "truncated": {"state": truncated},
    "empty": {"state": b""},
    "null": {"state": b"null"},
    "newer release": {"state": with_facts(class_version=99)},
    "unknown kind": {"topic": "Order.Teleported"},
    "field missing": {"state": with_facts(customer_id=None)},
    "items a number": {"state": with_facts(items=5)},
    "one item a text": {"state": with_facts(items=["tea"])},
    "total a text": {"state": with_facts(total="much")},
    "time without zone": {
        "state": with_facts(timestamp={"_type_": "datetime_iso", "_data_": "2024-01-01T00:00:00"})
    },
    "versions missing": {"to_version": 7},
}
CONFIRMED: dict[str, dict[str, Any]] = {
    "truncated confirmation": {"state": truncated},
    "empty confirmation": {"state": b"{}"},
    "confirmation without a command": {"state": with_facts(event_id=5)},
    "confirmation moved": {"to_version": 9},
}
DAMAGES = {name: (1, damage) for name, damage in CREATED.items()} | {
    name: (2, damage) for name, damage in CONFIRMED.items()
}


@pytest.fixture
def shop(persistence: Environment, open_way: OpenWay) -> Shop:
    way = open_way(ByHand, persistence)
    shop = Shop(way)
    shop.receive("TEA", 10)
    return shop


def api_of(shop: Shop) -> Api:
    return Api(create_app(shop.orderwright).test_client(), shop.orderwright)


def assert_is_about(problem: Any, stream: UUID, version: int) -> None:
    assert (problem.status, problem.code) == (409, "unreadable_event")
    assert problem.json["stream_id"] == str(stream)
    assert (problem.json["application"], problem.json["stream_version"]) == ("Orders", version)
    assert isinstance(problem.json["position"], int)
    assert "docs/procedures/damaged-event.md" in problem.json["detail"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_order_that_cannot_be_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    order, other = shop.order("TEA", command_id="key-1"), shop.order("TEA")
    shop.settle()
    api = api_of(shop)
    version, how = DAMAGES[damage]
    change(shop.orderwright, "Orders", order, version, **how)
    stored = len(shop.orderwright.orders.recorder.select_notifications(1, 100))

    with capture_logs() as logs:
        named = how.get("to_version", version) if version != 1 or "to_version" not in how else 2
        assert_is_about(api.get(f"/orders/{order}"), order, named)
        assert_is_about(api.post(f"/orders/{order}/cancellation", {"reason": "no"}), order, named)
        events = api.get(f"/orders/{order}/events")
        fulfilment = api.get(f"/orders/{order}/fulfilment")
        listed = api.get("/orders")
        searched = api.get("/events?limit=500")
        story = explain(shop.orderwright, order)

    (told,) = [one for one in events.json["events"] if one["error"] and one["stream_version"] == named]
    assert (told["stream_id"], told["application"]) == (str(order), "Orders")
    assert len(events.json["events"]) == 13
    assert (fulfilment.status, fulfilment.json["status"]) == (200, "COMPLETED")
    assert {row["order_id"] for row in listed.json["items"]} == {str(order), str(other)}
    assert searched.status == 200
    assert story.status is None
    assert any(told["error"] in sentence for sentence in story.sentences[:-1])
    assert "cannot be told" in story.sentences[-1]
    assert api.get(f"/orders/{other}").status == 200
    assert [log for log in logs if log["log_level"] == "error" or "exc_info" in log] == []
    assert len(shop.orderwright.orders.recorder.select_notifications(1, 100)) == stored


def test_a_fulfilment_with_a_damaged_and_a_missing_event_is_told_without_them(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, durable_persistence))
    shop.receive("TEA", 10)
    order = shop.order("TEA")
    shop.settle()
    change(shop.orderwright, "OrderFulfilment", fulfilment_id(order), 2, state=truncated)
    delete(shop.orderwright, "OrderFulfilment", fulfilment_id(order), 4)
    api = api_of(shop)

    found = api.get(f"/orders/{order}/fulfilment")
    assert (found.status, found.json["status"]) == (200, "COMPLETED")
    assert [damage["version"] for damage in found.json["damage"]] == [2, 5]
    assert "version 4 of its stream is missing" in found.json["damage"][1]["error"]
    story = explain(shop.orderwright, order)
    assert story.status == "CONFIRMED"
    assert "how far its fulfilment is cannot be told" in story.sentences[-1]
    wanted = {"reason": "look again"}
    refused = api.post(f"/operations/fulfilments/{order}/retry", wanted)
    assert (refused.status, refused.code) == (409, "unreadable_event")


def test_a_product_that_cannot_be_read_takes_no_receipts_and_is_listed(shop: Shop) -> None:
    shop.settle()
    change(shop.orderwright, "Inventory", stock_item_id("TEA"), 2, state=with_facts(quantity="ten"))
    api = api_of(shop)
    refused = api.post("/stock/TEA/receipts", {"quantity": 1})
    assert (refused.status, refused.code) == (409, "unreadable_event")
    assert refused.json["application"] == "Inventory"
    assert api.get("/stock").json["items"][0]["on_hand"] == 10


def test_the_same_order_again_is_no_other_order(shop: Shop) -> None:
    api = api_of(shop)
    body = {
        "customer_id": "ada",
        "currency": "USD",
        "payment_method": "pm_ok",
        "items": [{"sku": "TEA", "quantity": 1, "unit_price": "1"}],
    }
    placed = api.post("/orders", body, idempotency_key="key-1")
    order = UUID(placed.json["order_id"])
    change(shop.orderwright, "Orders", order, 1, state=truncated)
    assert_is_about(api.post("/orders", body, idempotency_key="key-1"), order, 1)


def test_a_list_goes_on_past_a_row_that_cannot_be_read_and_says_what(shop: Shop) -> None:
    order, other = shop.order("TEA"), shop.order("TEA")
    shop.settle()
    spoil_row(shop.orderwright.dashboard, "order_dashboard", order, created_at="yesterday", items="[5")
    spoil_row(shop.orderwright.saga_log, "fulfilments", order, started_at="yesterday")
    api = api_of(shop)

    rows = {row["order_id"]: row for row in api.get("/orders").json["items"]}
    spoilt, whole = rows[str(order)], rows[str(other)]
    assert (spoilt["status"], spoilt["created_at"], spoilt["items"]) == ("CONFIRMED", None, [])
    assert spoilt["error"] == "created_at and items cannot be read in this row"
    assert (whole["error"], whole["items"][0]["sku"]) == (None, "TEA")
    sagas = {row["order_id"]: row for row in api.get("/fulfilments").json["items"]}
    assert (sagas[str(order)]["started_at"], sagas[str(order)]["status"]) == (None, "COMPLETED")
    assert sagas[str(order)]["error"] == "started_at cannot be read in this row"
