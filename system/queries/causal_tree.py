"""What caused what: every event of an order's conversation below the event or command behind it.

The tree is a list in which each event follows what it is below and says how deep it stands, so that a long
chain of causes is no deeper a document than a short one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from application.views import FoundEvent
from domain.shared.ids import event_id
from system.bootstrap import Orderwright

from .lot_events import ABOUT_EVENTS, Waiting, still_waiting
from .trail import order_events

MAX_EVENTS = 2000
"""So many events are shown; how many more there are is told."""


class RootKind(StrEnum):
    """What a branch of the tree begins with."""

    COMMAND = "command"
    """What somebody, or a part of the system on a clock, asked for."""
    MISSING = "missing"
    """An event that is not in the conversation, or not in the store."""
    UNTOLD = "untold"
    """Something that cannot be told: the event cannot be read."""
    CIRCLE = "circle"
    """Damage: events that name each other as their cause."""


@dataclass(frozen=True)
class CausedEvent:
    """An event in the tree. `depth` is 1 right below the root; `seconds` went by since its cause, None below
    a root. (A reaction has the time of what it reacts to, see docs/guarantees.md.)"""

    depth: int
    seconds: float | None
    event_id: str
    type: str
    application: str
    stream_id: str
    stream_version: int
    position: int
    recorded_at: datetime | None
    causation_id: str | None
    error: str | None
    waits: tuple[Waiting, ...]
    """Who has parked it and not processed it yet."""


@dataclass(frozen=True)
class Root:
    """What a branch begins with, and all that followed from it. `causation_id` is the command's id, or that
    of the event that is missing."""

    kind: RootKind
    causation_id: str | None
    user: str | None
    at: datetime | None
    events: tuple[CausedEvent, ...]


@dataclass(frozen=True)
class CausalTree:
    """The tree of an order. `left_out` is how many of its events are not shown."""

    order_id: str
    events: int
    left_out: int
    roots: tuple[Root, ...]


def causal_tree(orderwright: Orderwright, order_id: UUID) -> CausalTree:
    """The tree of an order's conversation. Raises `OrderNotFound`."""
    events = order_events(orderwright, order_id)
    return tree_of(str(order_id), events)


def tree_of(order_id: str, events: Sequence[FoundEvent]) -> CausalTree:
    """The tree of these events. Each stands in it once, whatever they say of their causes."""
    branches = _Branches(events)
    roots: list[Root] = []
    space = MAX_EVENTS
    for root in branches.roots():
        shown = root.events[:space]
        space -= len(shown)
        if shown:
            roots.append(replace(root, events=shown))
    return CausalTree(order_id, len(events), len(events) - (MAX_EVENTS - space), tuple(roots))


class _Branches:
    """Who is below whom. Everything is a loop: a chain can be as long as the conversation."""

    def __init__(self, events: Sequence[FoundEvent]) -> None:
        self._events = {_id(event): event for event in sorted(events, key=_order)}
        self._at_place = {(event.application, event.position): _id(event) for event in events}
        self._waits: dict[tuple[str, int], list[Waiting]] = {}
        for waiting in still_waiting(sorted(events, key=lambda event: event.position)):
            self._waits.setdefault((waiting.leader, waiting.position), []).append(waiting)
        self._cause = {id_: self._cause_of(event) for id_, event in self._events.items()}
        self._effects: dict[str | None, list[str]] = {}
        for id_, cause in self._cause.items():
            self._effects.setdefault(cause, []).append(id_)

    def roots(self) -> Iterator[Root]:
        """Each root with its branch, the earliest first; what goes round in circles comes last."""
        left = dict.fromkeys(self._events)
        roots: dict[tuple[RootKind, str | None], list[str]] = {}
        for id_, cause in self._cause.items():
            if cause not in self._events:
                roots.setdefault((self._kind(self._events[id_]), cause), []).append(id_)
        for (kind, cause), begin in roots.items():
            yield self._root(kind, cause, begin, left)
        while left:
            first = next(iter(left))
            yield self._root(RootKind.CIRCLE, self._cause[first], [first], left)

    def _root(self, kind: RootKind, cause: str | None, begin: Sequence[str], left: dict[str, None]) -> Root:
        first = self._events[begin[0]]
        return Root(kind, cause, first.user, first.recorded_at, tuple(self._below(begin, left)))

    def _below(self, begin: Iterable[str], left: dict[str, None]) -> Iterator[CausedEvent]:
        waiting = [(id_, 1) for id_ in reversed(list(begin))]
        while waiting:
            id_, depth = waiting.pop()
            if id_ not in left:
                continue
            del left[id_]
            yield self._shown(id_, depth)
            waiting += [(effect, depth + 1) for effect in reversed(self._effects.get(id_, ()))]

    def _shown(self, id_: str, depth: int) -> CausedEvent:
        event = self._events[id_]
        cause = self._events.get(self._cause[id_] or "") if depth > 1 else None
        return CausedEvent(
            depth=depth,
            seconds=None if cause is None else _seconds(cause, event),
            event_id=id_,
            type=event.type,
            application=event.application,
            stream_id=event.stream_id,
            stream_version=event.stream_version,
            position=event.position,
            recorded_at=event.recorded_at,
            causation_id=event.causation_id,
            error=event.error,
            waits=tuple(self._waits.get((event.application, event.position), ())),
        )

    def _cause_of(self, event: FoundEvent) -> str | None:
        """The id of the cause. What a follower put aside names it by its place, as it may be unreadable."""
        leader, _, position = (event.causation_id or "").rpartition(":")
        if event.type in ABOUT_EVENTS and position.isdecimal():
            return self._at_place.get((leader, int(position)), event.causation_id)
        return event.causation_id

    @staticmethod
    def _kind(event: FoundEvent) -> RootKind:
        if event.causation_id is None:
            return RootKind.UNTOLD
        return RootKind.COMMAND if event.causation_id == event.command_id else RootKind.MISSING


def _id(event: FoundEvent) -> str:
    """Ids are derived, so an event that cannot be read has one as well."""
    return event_id(UUID(event.stream_id), event.stream_version)


def _order(event: FoundEvent) -> tuple[datetime, str, int]:
    return event.recorded_at or datetime.min.replace(tzinfo=UTC), event.application, event.position


def _seconds(cause: FoundEvent, effect: FoundEvent) -> float | None:
    if cause.recorded_at is None or effect.recorded_at is None:
        return None
    return (effect.recorded_at - cause.recorded_at).total_seconds()
