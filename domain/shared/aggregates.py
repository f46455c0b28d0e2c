"""The base of every aggregate: explicit stored topics, and metadata in every event."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from inspect import signature
from types import MappingProxyType
from typing import Any, ClassVar, Self, cast
from uuid import UUID

from eventsourcing.domain import (
    AggregateCreated,
    AggregateEvent,
    BaseAggregate,
    CanMutateAggregate,
    Snapshot,
    TAggregate,
    decorated_funcs,
)

from .causes import current_cause
from .ids import event_id
from .upcasting import check_upcasts

_aggregates: dict[str, type["Aggregate"]] = {}
_event_types: dict[str, type[AggregateEvent]] = {}

AGGREGATES: Mapping[str, type["Aggregate"]] = MappingProxyType(_aggregates)
"""Every kind of aggregate by its stored topic."""

EVENT_TYPES: Mapping[str, type[AggregateEvent]] = MappingProxyType(_event_types)
"""Every stored topic and the event class behind it. Nothing outside this list is ever decoded."""


class Undecided(TypeError):
    """Nobody decided what an event means to somebody who comes across it: a fault in the program, told
    when it starts."""


class Aggregate(BaseAggregate[UUID]):
    """An event-sourced aggregate whose events say who, why and when.

    Subclasses give themselves and each of their events an explicit ``TOPIC``: the stored name,
    which stays when code moves.

    Decisions record an event by `trigger_event`, with all its facts. Each event has a memory, a private
    method under the library's ``@event``, which takes only the facts that it remembers; one of which
    nothing is remembered has an empty one. The library passes a memory what it takes (see its
    `DecoratedFuncCaller`), but refuses to record an event by calling a memory with more than that.
    """

    TOPIC: ClassVar[str] = ""
    EVENTS: ClassVar[Mapping[str, type[AggregateEvent]]] = {}
    """All kinds of events that it can record, by their topics."""
    Snapshot = Snapshot

    class Event(AggregateEvent):
        """A fact. `timestamp` is when it happened; ids are derived, so a repeat has the same id."""

        event_id: str
        correlation_id: str
        causation_id: str
        command_id: str | None
        user: str | None

        def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:
            """Apply the event. When and by which command is remembered first, so that the
            aggregate's own memory can use both."""
            if aggregate is None:
                aggregate = super().mutate(None)
                aggregate.last_command_id = self.command_id  # type: ignore[attr-defined]  # just created
                return aggregate
            aggregate.modified_on = self.timestamp
            aggregate.last_command_id = self.command_id  # type: ignore[attr-defined]  # declared below
            memory = _memory_of(type(self))
            follows = self.originator_version == aggregate.version + 1
            if memory is None or not follows or self.originator_id != aggregate.id:
                return super().mutate(aggregate)  # which says what is wrong
            # What the library does, which looks up the method and its parameters for each event anew.
            remember, names = memory
            facts = vars(self)
            remember(aggregate, **{name: facts[name] for name in names})
            aggregate.version = self.originator_version
            return aggregate

    last_command_id: str | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.EVENTS = {
            cast(str, getattr(value, "TOPIC")): value  # noqa: B009 - set by each event class
            for name, value in vars(cls).items()
            if isinstance(value, type) and issubclass(value, AggregateEvent) and name != "Event"
        }
        for topic, event_class in cls.EVENTS.items():
            _check_memory(topic, event_class)
            check_upcasts(topic, event_class)
        _event_types.update(cls.EVENTS)
        if cls.TOPIC:
            _aggregates[cls.TOPIC] = cls

    @classmethod
    def begin(cls, event_class: type[AggregateCreated], stream_id: UUID, **facts: Any) -> Self:
        """Open the stream `stream_id` with its first fact, under the cause in force."""
        return cls._create(
            event_class, id=stream_id, **_metadata(stream_id, cls.INITIAL_VERSION, None), **facts
        )

    def trigger_event(self, event_class: type[CanMutateAggregate[UUID]], **kwargs: Any) -> None:
        """Record one more fact, under the cause in force."""
        kwargs |= _metadata(self.id, self.version + 1, self.modified_on)
        names = cast(Any, event_class).__dataclass_fields__.keys()  # in the order in which they are stored
        facts = {"originator_id": self.id, "originator_version": self.version + 1, **kwargs}
        if facts.keys() != names or not issubclass(event_class, Aggregate.Event):
            super().trigger_event(event_class, **kwargs)  # which says what is wrong
            return
        new_event = object.__new__(event_class)  # its own way is slow: it is frozen field by field
        vars(new_event).update({name: facts[name] for name in names})
        new_event.mutate(self)
        self.pending_events.append(new_event)


@cache
def _memory_of(event_class: type[Any]) -> tuple[Callable[..., None], tuple[str, ...]] | None:
    """The method that remembers an event, and the facts that it takes; None when there is no such."""
    remember = decorated_funcs.get(event_class)
    if remember is None:
        return None
    return remember, tuple(signature(remember).parameters)[1:]


def _check_memory(topic: str, event_class: type[AggregateEvent]) -> None:
    """Raise `Undecided` for an event of which nobody decided what is remembered."""
    memory = _memory_of(event_class)
    if memory is None and not issubclass(event_class, AggregateCreated):
        raise Undecided(f"{topic} has no memory: no method under @event says what is remembered of it")
    unsaid = set(memory[1] if memory else ()) - event_class.__dataclass_fields__.keys()
    if unsaid:
        raise Undecided(f"{topic} does not say {', '.join(sorted(unsaid))}, which its memory takes")


def check_decided(who: str, decided: Iterable[str], *owners: type[Aggregate]) -> None:
    """Raise `Undecided` for the events of these aggregates that are not among the topics about which
    somebody has decided. Called when that somebody is imported, so that nothing starts without."""
    undecided = {topic for owner in owners for topic in owner.EVENTS} - set(decided)
    if undecided:
        raise Undecided(f"{who} has not decided about {', '.join(sorted(undecided))}")


def _metadata(stream_id: UUID, version: int, not_before: datetime | None) -> dict[str, Any]:
    """What the cause in force adds to an event.

    News can arrive out of order, so its time may lie before the stream's last event. Within a
    stream time never runs backwards: the state "as of a moment" would otherwise be ambiguous.
    """
    cause = current_cause()
    return {
        "timestamp": cause.time if not_before is None else max(cause.time, not_before),
        "event_id": event_id(stream_id, version),
        "correlation_id": cause.correlation_id,
        "causation_id": cause.causation_id,
        "command_id": cause.command_id,
        "user": cause.user,
    }
