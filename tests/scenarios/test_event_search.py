"""Searching what was recorded, on every store and under both runners: by conversation, user, type, time."""

from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from application.queries import EventQuery, InvalidQuery, PageRequest, StreamNotFound
from application.views import FoundEvent
from domain.shared.ids import payment_id
from system.queries.events import find_events, stream_events
from system.queries.trail import order_events
from tests.support.running_shop import Shop


def find(shop: Shop, page: int = 500, **query: Any) -> list[FoundEvent]:
    """Everything that matches, page by page."""
    found: list[FoundEvent] = []
    cursor = None
    while True:
        part = find_events(shop.orderwright, EventQuery(**query), PageRequest(page, cursor))
        assert len(part.items) <= page
        found += part.items
        cursor = part.next_cursor
        if cursor is None:
            return found


def places(events: list[FoundEvent]) -> list[tuple[str, int]]:
    """Where events stand."""
    return [(event.application, event.position) for event in events]


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """A shop where ada's and bob's orders are done, and eve's was declined."""
    shop.receive("TEA", 10)
    for customer, pays in (("ada", "pm_ok"), ("bob", "pm_ok"), ("eve", "pm_declined")):
        shop.order("TEA", customer=customer, pays=pays)
    shop.settle()
    return shop


def test_the_whole_log_is_read_in_pages_of_any_size(busy: Shop) -> None:
    everything = find(busy)
    heads = {
        name: application.recorder.max_notification_id() or 0
        for name, application in busy.orderwright.applications.items()
    }
    assert places(everything) == [(name, n + 1) for name in sorted(heads) for n in range(heads[name])]
    for size in (1, 7, len(everything)):
        assert find(busy, size) == everything


def test_a_conversation_is_found_in_every_application(busy: Shop) -> None:
    order = busy.order("TEA", customer="zoe")
    busy.settle()
    found = find(busy, correlation_id=str(order))

    told = {event.event_id: asdict(event) for event in order_events(busy.orderwright, order)}
    assert {event.event_id: asdict(event) for event in found} == told
    assert {"Orders", "OrderFulfilment", "Payments", "Inventory"} == {event.application for event in found}
    in_payments = find(busy, correlation_id=str(order), applications=("Payments", "Orders"))
    assert {event.application for event in in_payments} == {"Payments", "Orders"}
    assert {event.user for event in find(busy, user="zoe")} == {"zoe"}
    assert find(busy, user="zoe", page=3) == found


def test_types_and_times_narrow_it_down(busy: Shop) -> None:
    everything = find(busy)
    types = ("Payment.Declined", "Order.Created", "Payment.Declined")
    assert places(find(busy, types=types)) == [
        (event.application, event.position) for event in everything if event.type in types
    ]
    times = sorted({event.recorded_at for event in everything if event.recorded_at is not None})
    since, until = times[len(times) // 3], times[-1]
    assert find(busy, since=since, until=until, page=2) == [
        event for event in everything if event.recorded_at is not None and since <= event.recorded_at < until
    ]


def test_a_log_is_followed_from_a_position(busy: Shop) -> None:
    log = find(busy, applications=("Orders",))
    assert find(busy, applications=("Orders",), after=2, page=2) == log[2:]
    end = log[-1].position
    assert find(busy, applications=("Orders",), after=end) == []
    later = busy.order("TEA")
    found = find(busy, applications=("Orders",), after=end)
    assert found[0].type == "Order.Created"
    assert {event.stream_id for event in found} == {str(later)}  # perhaps it is confirmed already


def test_an_event_that_cannot_be_decoded_breaks_nothing(busy: Shop) -> None:
    newer = b'{"class_version":99,"event_id":"e","correlation_id":"later","user":"tom","timestamp":1}'
    rows = [
        (1, "Order.Created", b"\x00damaged"),
        (2, "Order.Confirmed", newer),
        (3, "Order.Confirmed", b"{}"),
    ]
    stream = uuid4()
    stored = [StoredEvent(stream, version, topic, state) for version, topic, state in rows]
    busy.orderwright.orders.recorder.insert_events(stored)

    damaged, future, empty = find(busy, applications=("Orders",))[-3:]
    assert (damaged.type, damaged.payload, damaged.recorded_at) == ("Order.Created", None, None)
    assert "cannot be decoded" in str(damaged.error)
    assert "has version 99" in str(future.error)
    assert (future.event_id, future.correlation_id, future.user) == ("e", "later", "tom")
    assert "damaged" in str(empty.error)
    assert find(busy, correlation_id="later", user="tom") == [future]
    assert stream_events(busy.orderwright, stream) == [damaged, future, empty]


def test_a_stream_is_read_from_a_version(busy: Shop) -> None:
    order = UUID(find(busy, types=("Order.Cancelled",))[0].stream_id)
    stream = stream_events(busy.orderwright, payment_id(order))
    assert [event.type for event in stream] == ["Payment.Requested", "Payment.Declined"]
    assert stream_events(busy.orderwright, payment_id(order), "Payments", 2) == stream[1:]
    assert stream_events(busy.orderwright, payment_id(order), first=9) == []
    with pytest.raises(StreamNotFound):
        stream_events(busy.orderwright, payment_id(order), "Orders")
    with pytest.raises(InvalidQuery):
        stream_events(busy.orderwright, payment_id(order), "Order")
