"""The audit trail of an order: every event of its conversation, from every application, in causal order."""

from collections.abc import Iterable
from typing import cast
from uuid import UUID

from application.views import EventView, OrderView
from domain.inventory import Reservation
from domain.shared.ids import fulfilment_id, order_id_from_ref, payment_id, reservation_id, stock_item_id
from system.bootstrap import Orderwright
from system.persistence.recorders import StreamReader

from .events import event_view
from .lot_events import lot_events


def order_events(orderwright: Orderwright, order_id: UUID) -> list[EventView]:
    """All events of the order's conversation. Raises `OrderNotFound`.

    An event stands after the event that caused it, and within an application by position.
    Streams are found by their derived ids, so this costs the same however large the store is; what
    was parked on the way and what became of it is found as `lot_events` tells.
    """
    order = orderwright.orders.order(order_id)
    inventory = list(_stream(orderwright, "Inventory", reservation_id(order_id)))
    events = [
        *_stream(orderwright, "Orders", order_id),
        *_claim(orderwright, order),
        *_stream(orderwright, "OrderFulfilment", fulfilment_id(order_id)),
        *_stream(orderwright, "Payments", payment_id(order_id)),
        *inventory,
        *_stock_events(orderwright, inventory),
        *lot_events(orderwright, order_id),
    ]
    return in_causal_order(events)


def in_causal_order(events: Iterable[EventView]) -> list[EventView]:
    """Causes before effects; within an application by position; otherwise by time.

    Positions of different applications say nothing about each other, and reactions carry the time
    of what they react to. What remains is the causation chain, which this follows.
    """
    waiting: dict[str, list[EventView]] = {}
    for event in sorted(events, key=lambda event: event.position):
        waiting.setdefault(event.application, []).append(event)
    unseen = {event.event_id for queue in waiting.values() for event in queue}
    ordered: list[EventView] = []
    while waiting:
        fronts = [queue[0] for queue in waiting.values()]
        ready = [event for event in fronts if event.causation_id not in unseen] or fronts
        event = min(ready, key=lambda event: (event.recorded_at, event.application, event.position))
        ordered.append(event)
        unseen.discard(event.event_id)
        waiting[event.application].pop(0)
        if not waiting[event.application]:
            del waiting[event.application]
    return ordered


def _stream(
    orderwright: Orderwright, application: str, stream_id: UUID, first: int = 1, last: int | None = None
) -> Iterable[EventView]:
    reader = cast(StreamReader, orderwright.applications[application].recorder)
    for notification in reader.select_stream(stream_id, first, last):
        yield event_view(orderwright, application, notification)


def _claim(orderwright: Orderwright, order: OrderView) -> Iterable[EventView]:
    """How the order claimed its reference, if it had to. Of an earlier release two orders may carry
    the same, and then it is the other one's."""
    stream_id = order_id_from_ref(order.order_ref) if order.order_ref is not None else None
    if stream_id is not None and str(stream_id) != order.order_id:
        for event in _stream(orderwright, "Orders", stream_id):
            if event.correlation_id == order.order_id:
                yield event


def _stock_events(orderwright: Orderwright, reservation: Iterable[EventView]) -> Iterable[EventView]:
    """What the reservation did to each stock item: its events say at which versions."""
    types = {Reservation.Made.TOPIC, Reservation.Released.TOPIC}
    for event in reservation:
        for line in event.payload["lines"] if event.type in types else ():
            version = line["stock_version"]
            yield from _stream(orderwright, "Inventory", stock_item_id(line["sku"]), version, version)
