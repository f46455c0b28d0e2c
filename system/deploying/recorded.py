"""What was recorded of a saga, and what it can have been told: the streams of its order elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from application.unreadable import UnreadableEvent
from domain.fulfilment import Fulfilment
from domain.shared.ids import event_id
from system.bootstrap import Orderwright
from system.steps.streams import FULFILMENTS, STREAM_ID

AT_ONCE = 100

LEADERS = tuple(name for name in STREAM_ID if name != FULFILMENTS)
"""The applications that a saga hears of."""


@dataclass(frozen=True)
class Stream:
    """The events of a stream, up to the first that cannot be read."""

    stream_id: UUID
    events: tuple[Any, ...]
    stored: tuple[StoredEvent, ...]
    damage: UnreadableEvent | None


@dataclass(frozen=True)
class RecordedSaga:
    """A saga with the streams that it hears of, by their applications."""

    order_id: UUID
    own: Stream
    told: dict[str, Stream]

    @property
    def facts(self) -> tuple[Any, ...]:
        """Its own events."""
        return self.own.events

    def news(self, causation_id: str) -> Any:
        """The event with an id that it was told; None when there is no such. Raises `UnreadableEvent` when
        it may be one that cannot be read."""
        for stream in self.told.values():
            for event in stream.events:
                if event.event_id == causation_id:
                    return event
        for stream in self.told.values():
            first = len(stream.events) + 1
            lost = range(first, len(stream.stored) + 1)
            if stream.damage and causation_id in {event_id(stream.stream_id, version) for version in lost}:
                raise stream.damage
        return None

    def at(self, version: int) -> Any:
        """The saga as its first events left it; None before the first."""
        state = None
        for event in self.facts[:version]:
            state = event.mutate(state)
        return state


def read_sagas(
    orderwright: Orderwright, stream_ids: Iterable[UUID]
) -> Iterator[RecordedSaga | UnreadableEvent]:
    """These sagas, some at a time; in place of one of which not even the first event can be read what is
    wrong with that."""
    wanted = iter(stream_ids)
    while some := list(islice(wanted, AT_ONCE)):
        yield from _some(orderwright, some)


def _some(orderwright: Orderwright, stream_ids: Sequence[UUID]) -> Iterator[RecordedSaga | UnreadableEvent]:
    own = _streams(orderwright, FULFILMENTS, stream_ids)
    orders = {id_: stream.events[0].order_id for id_, stream in own.items() if _has_begun(stream)}
    told = {
        name: _streams(orderwright, name, [STREAM_ID[name](order_id) for order_id in orders.values()])
        for name in LEADERS
    }
    for stream_id, stream in own.items():
        order_id = orders.get(stream_id)
        if order_id is None:
            first = stream.stored[0]
            yield stream.damage or UnreadableEvent.of(first, "does not begin a saga", FULFILMENTS)
        else:
            of_order = {name: told[name][STREAM_ID[name](order_id)] for name in LEADERS}
            yield RecordedSaga(order_id, stream, of_order)


def _has_begun(stream: Stream) -> bool:
    return bool(stream.events) and isinstance(stream.events[0], Fulfilment.Started)


def _streams(orderwright: Orderwright, name: str, stream_ids: Sequence[UUID]) -> dict[UUID, Stream]:
    application = orderwright.applications[name]
    rows: dict[UUID, list[StoredEvent]] = {id_: [] for id_ in stream_ids}
    for stored in application.recorder.select_streams(dict.fromkeys(stream_ids, 0)):
        rows[cast(UUID, stored.originator_id)].append(stored)
    return {id_: _stream(application.mapper, name, id_, stored) for id_, stored in rows.items()}


def _stream(mapper: Any, name: str, stream_id: UUID, stored: Sequence[StoredEvent]) -> Stream:
    events: list[Any] = []
    damage = None
    for row in stored:
        try:
            if row.originator_version != len(events) + 1:
                raise UnreadableEvent.after_a_gap(row, len(events), name)
            if owner_of(row) != owner_of(stored[0]):
                raise UnreadableEvent.of(row, "is of another kind than the stream", name)
            events.append(mapper.to_domain_event(row))
        except UnreadableEvent as error:
            damage = error
            break
    return Stream(stream_id, tuple(events), tuple(stored), damage)


def owner_of(stored: StoredEvent) -> str:
    """The kind of aggregate that an event is of."""
    return stored.topic.partition(".")[0]
