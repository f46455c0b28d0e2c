"""The audit trail of an order: every event of its conversation, from every application, in causal order."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from application.unreadable import UnreadableEvent
from application.views import FoundEvent
from domain.shared.ids import event_id, order_id_from_ref
from system.bootstrap import Orderwright
from system.steps.streams import streams_of
from system.steps.table import SIDES

from .events import found_stream
from .lot_events import lot_events


def order_events(orderwright: Orderwright, order_id: UUID) -> list[FoundEvent]:
    """All events of the order's conversation. Raises `OrderNotFound`.

    An event stands after the event that caused it, and within an application by position.
    Streams are found by their derived ids, so this costs the same however large the store is; what
    was parked on the way and what became of it is found as `lot_events` tells. Events that cannot be
    read stand in their place, each with its `error`.
    """
    orderwright.orders.check_placed(order_id)
    events = [
        event
        for application, stream_id in streams_of(order_id).items()
        for event in found_stream(orderwright, application, stream_id)
    ]
    events += [
        *_claim(orderwright, order_id),
        *_recorded_beside(orderwright, events),
        *lot_events(orderwright, order_id),
    ]
    return in_causal_order(events)


def in_causal_order(events: Iterable[FoundEvent]) -> list[FoundEvent]:
    """Causes before effects; within an application by position; otherwise by time.

    Positions of different applications say nothing about each other, and reactions carry the time
    of what they react to. What remains is the causation chain, which this follows.
    """
    waiting: dict[str, list[FoundEvent]] = {}
    for event in sorted(events, key=lambda event: event.position):
        waiting.setdefault(event.application, []).append(event)
    unseen = {_id(event) for queue in waiting.values() for event in queue}
    ordered: list[FoundEvent] = []
    while waiting:
        fronts = [queue[0] for queue in waiting.values()]
        ready = [event for event in fronts if event.causation_id not in unseen] or fronts
        event = min(ready, key=lambda event: (_time(event), event.application, event.position))
        ordered.append(event)
        unseen.discard(_id(event))
        waiting[event.application].pop(0)
        if not waiting[event.application]:
            del waiting[event.application]
    return ordered


def _id(event: FoundEvent) -> str:
    """What others name as their cause. Ids are derived, so an event that cannot be read has one as well."""
    return event_id(UUID(event.stream_id), event.stream_version)


def _time(event: FoundEvent) -> datetime:
    """When it was. One that does not tell comes right behind the one before it in its application."""
    return event.recorded_at or datetime.min.replace(tzinfo=UTC)


def _claim(orderwright: Orderwright, order_id: UUID) -> Iterable[FoundEvent]:
    """How the order claimed its reference, if it had to. Of an earlier release two orders may carry
    the same, and then it is the other one's."""
    try:
        order_ref = orderwright.orders.order(order_id).order_ref
    except UnreadableEvent:  # it does not tell its reference any more
        return
    stream_id = order_id_from_ref(order_ref) if order_ref is not None else None
    if stream_id is not None and stream_id != order_id:
        for event in found_stream(orderwright, orderwright.orders.name, stream_id):
            if event.correlation_id == str(order_id):
                yield event


def _recorded_beside(orderwright: Orderwright, events: Iterable[FoundEvent]) -> Iterator[FoundEvent]:
    """What the work for the order has recorded in other streams: its own events say where."""
    side_of = {side.application: side for side in SIDES}
    for event in events:
        if event.application in side_of:
            for stream_id, version in side_of[event.application].elsewhere(event):
                yield from found_stream(orderwright, event.application, stream_id, version, version)
