"""What is read from a store is a known event of a known version, or it is refused."""

import json
import sys
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from application.orders import Orders
from application.unreadable import UnreadableEvent
from domain.orders import Order
from tests.support.commands import an_order, asked


@pytest.fixture
def orders() -> Orders:
    return Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})


def stored(topic: str, state: bytes) -> StoredEvent:
    return StoredEvent(originator_id=uuid4(), originator_version=1, topic=topic, state=state)


def created(orders: Orders, **changes: Any) -> StoredEvent:
    """An order's first event as it is stored, with changes to its state."""
    orders.place_order(an_order(key="checkout-1"), asked("checkout-1"))
    (notification,) = orders.recorder.select_notifications(1, 1)
    state = {**json.loads(notification.state), **changes}
    return stored(notification.topic, json.dumps(state).encode())


def test_what_was_stored_comes_back_as_it_was(orders: Orders) -> None:
    event = orders.mapper.to_domain_event(created(orders))

    assert isinstance(event, Order.Created)
    assert event.total == Decimal("66.90")
    assert event.items[1].sku == "CUP"


@pytest.mark.parametrize(
    "topic", ["Order.Vanished", "antigravity:fly", "os:system", "", "domain.orders.order:Order"]
)
def test_an_unknown_topic_is_refused_and_nothing_is_imported(orders: Orders, topic: str) -> None:
    with pytest.raises(UnreadableEvent, match="not known here"):
        orders.mapper.to_domain_event(stored(topic, b"{}"))

    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("topic", ["antigravity:fly", "Payment", "", None])
def test_an_event_that_begins_another_kind_of_stream_is_refused(orders: Orders, topic: object) -> None:
    with pytest.raises(UnreadableEvent, match="another kind of stream"):
        orders.mapper.to_domain_event(created(orders, originator_topic=topic))

    assert "antigravity" not in sys.modules


def test_an_event_of_a_newer_release_is_refused(orders: Orders) -> None:
    with pytest.raises(UnreadableEvent, match="has version 3, this release knows 2"):
        orders.mapper.to_domain_event(created(orders, class_version=3))


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b'{"timestamp": {"_type_": "os", "_data_": 1}}',
    ],
)
def test_damaged_state_is_refused_with_the_place_where_it_is(orders: Orders, state: bytes) -> None:
    damaged = stored("Order.Confirmed", state)

    with pytest.raises(UnreadableEvent, match=str(damaged.originator_id)):
        orders.mapper.to_domain_event(damaged)


@pytest.mark.parametrize("version", [0, -1, "2", 1.5, None, True])
def test_a_version_that_is_no_version_is_refused(orders: Orders, version: object) -> None:
    with pytest.raises(UnreadableEvent):
        orders.mapper.to_domain_event(created(orders, class_version=version))


def test_a_damaged_value_is_refused(orders: Orders) -> None:
    with pytest.raises(UnreadableEvent):
        orders.mapper.to_domain_event(
            created(orders, items=[{"_type_": "order_line", "_data_": ["TEAPOT", 0, "1"]}])
        )


def test_names_of_value_types_are_stored_names() -> None:
    orders = Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})
    names = set(orders.mapper.transcoder.names)  # type: ignore[attr-defined]  # of the JSON transcoder

    assert {"date_iso", "order_line", "product_quantity", "reserved_line"} <= names
