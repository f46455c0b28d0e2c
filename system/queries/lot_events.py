"""What the parking lots tell about one order: what was put aside, and what became of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.persistence import Notification

from application.views import FoundEvent
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.parking import ParkingLot, parking_lot_id
from system.persistence.search import EventCriteria, facts_of
from system.steps.streams import streams_of

from .events import found_event

ABOUT_EVENTS = (
    ParkingLot.EventParked.TOPIC,
    ParkingLot.EventHeldBack.TOPIC,
    ParkingLot.EventRetried.TOPIC,
    ParkingLot.RetryFailed.TOPIC,
    ParkingLot.EventDiscarded.TOPIC,
)
_LEFT = (ParkingLot.EventRetried.TOPIC, ParkingLot.EventDiscarded.TOPIC)
_AT_ONCE = 500


@dataclass(frozen=True)
class Waiting:
    """An event about an order that waits in a lot, and what went wrong with it, if it was tried."""

    follower: str
    leader: str
    position: int
    topic: str
    error: str | None


def lot_events(orderwright: Orderwright, order_id: UUID) -> Iterator[FoundEvent]:
    """Every event about an order in the lots of all followers, those of a lot in their order.

    Where the store has an index of conversations this costs as much as there is about this order;
    elsewhere each lot is looked through, but only what is about this order is decoded.
    """
    for follower in definition.followers:
        yield from events_of_lot(orderwright, follower, order_id)


def events_of_lot(orderwright: Orderwright, follower: str, order_id: UUID) -> Iterator[FoundEvent]:
    """The same of the lot of one follower."""
    stream_of = streams_of(order_id)
    # An event that could not even be read waits under its stream, not under its order.
    streams = [stream_of.get(leader, order_id) for leader in definition.follows[follower]]
    sequences = list(dict.fromkeys([str(order_id), *map(str, streams)]))
    for notification in _about(orderwright, follower, sequences):
        yield found_event(orderwright, follower, notification)


def still_waiting(events: Iterable[FoundEvent]) -> Sequence[Waiting]:
    """What of all this waits in the lots now, in the order in which it was put aside."""
    waiting: dict[tuple[str, str, int], Waiting] = {}
    for event in events:
        facts = event.payload
        if event.type not in ABOUT_EVENTS or facts is None:
            continue
        place = (event.application, facts["leader"], facts["position"])
        if event.type in _LEFT:
            waiting.pop(place, None)
        else:
            waiting[place] = Waiting(*place, facts["topic"], facts.get("error"))
    return tuple(waiting.values())


def _about(orderwright: Orderwright, follower: str, sequences: Sequence[str]) -> list[Notification]:
    application = orderwright.applications[follower]
    search = application.recorder.search(application.mapper)
    if not search.is_indexed:
        return _looked_through(orderwright, follower, sequences)
    found: list[Notification] = []
    for sequence in sequences:
        criteria, page = EventCriteria(types=ABOUT_EVENTS, correlation_id=sequence), None
        while page is None or len(page) == _AT_ONCE:
            page = search.find(criteria, page[-1].id if page else 0, _AT_ONCE)
            found += page
    return sorted(found, key=lambda notification: notification.id)


def _looked_through(
    orderwright: Orderwright, follower: str, sequences: Collection[str]
) -> list[Notification]:
    application = orderwright.applications[follower]
    return [
        notification
        for notification in application.recorder.select_stream(parking_lot_id(follower))
        if notification.topic in ABOUT_EVENTS
        and facts_of(notification, application.mapper).correlation_id in sequences
    ]
