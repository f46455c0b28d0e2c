"""Aggregates with long streams, remembered so that a command reads only what was stored since.

What is remembered was made from stored events alone, and is never changed any more: every command gets
a copy of its own. So it does not matter what a command does to it, whether that is saved, or who else
works on the same aggregate; that nobody else was faster, the store decides as ever.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from .streams import Repository

MOST_AGGREGATES = 1000
MOST_ENTRIES = 400_000
"""So many entries all collections of what is remembered may have, about 80 MB. The one that was used
last is remembered however large it is."""

COPIED_LIKE_AN_EVENT = 1000
"""To copy so many entries takes as long as to read an event and fold it in. So what is remembered is not
replaced for each event of a large aggregate: the few newest are read again instead."""

GATES = 64
FIRST_READ_SECONDS = 5.0
"""Who wants what another thread is reading for the first time waits for it so long, then reads it too."""


@dataclass(frozen=True)
class _Known:
    """An aggregate as of an event, which nobody changes any more."""

    aggregate: Any
    last: StoredEvent
    entries: int


class RecentAggregates:
    """The aggregates that the latest commands were about. Safe to use from many threads.

    Only for aggregates whose collections hold what is never changed itself: text, numbers, tuples.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._lock = threading.Lock()
        self._known: OrderedDict[UUID, _Known] = OrderedDict()
        self._entries = 0
        self._gates = [threading.Lock() for _ in range(GATES)]

    def get(self, aggregate_id: UUID) -> Any | None:
        """The aggregate as it is stored now, for the caller alone; None when there is none.

        The first time it is loaded, afterwards what was stored since is read.
        """
        known = self._find(aggregate_id)
        if known is not None:
            return self._brought_up_to_date(aggregate_id, known)
        gate = self._gates[aggregate_id.int % GATES]
        is_mine = gate.acquire(timeout=FIRST_READ_SECONDS)
        try:
            return self._brought_up_to_date(aggregate_id, self._find(aggregate_id))
        finally:
            if is_mine:
                gate.release()

    def _brought_up_to_date(self, aggregate_id: UUID, known: _Known | None) -> Any | None:
        if known is not None:
            # The last event is read again: where the store was set back, it is another one, or none.
            events = self._read(aggregate_id, known.last.originator_version - 1)
            if events and _is_same(events.pop(0), known.last):
                return self._with(known, events)
        loaded = self._repository.load(aggregate_id)
        if loaded is None:
            return None
        self._remember(_Known(loaded.aggregate, loaded.last, _entries_of(loaded.aggregate)))
        return _copy(loaded.aggregate)

    def _with(self, known: _Known, events: Sequence[StoredEvent]) -> Any:
        """What is known after these events, for the caller alone."""
        aggregate = _copy(known.aggregate)
        if not events:
            return aggregate
        for stored_event in events:
            event: Any = self._repository.mapper.to_domain_event(stored_event)
            aggregate = event.mutate(aggregate)
        entries = _entries_of(aggregate)
        if len(events) * COPIED_LIKE_AN_EVENT < entries:
            return aggregate
        self._remember(_Known(aggregate, events[-1], entries))
        return _copy(aggregate)

    def _read(self, aggregate_id: UUID, after: int) -> list[StoredEvent]:
        return list(self._repository.event_store.recorder.select_events(aggregate_id, gt=after))

    def _find(self, aggregate_id: UUID) -> _Known | None:
        with self._lock:
            if aggregate_id in self._known:
                self._known.move_to_end(aggregate_id)
            return self._known.get(aggregate_id)

    def _remember(self, known: _Known) -> None:
        with self._lock:
            before = self._known.pop(known.aggregate.id, None)
            self._known[known.aggregate.id] = known
            self._entries += known.entries - (before.entries if before is not None else 0)
            while len(self._known) > 1 and (
                len(self._known) > MOST_AGGREGATES or self._entries > MOST_ENTRIES
            ):
                self._entries -= self._known.popitem(last=False)[1].entries


def _is_same(one: StoredEvent, other: StoredEvent) -> bool:
    return (one.originator_version, one.topic, bytes(one.state)) == (
        other.originator_version,
        other.topic,
        bytes(other.state),
    )


def _copy(aggregate: Any) -> Any:
    """A copy with collections of its own. (`copy.deepcopy` takes a thousand times as long.)"""
    copied = object.__new__(type(aggregate))
    vars(copied).update(
        {
            name: value.copy() if isinstance(value, dict | list | set) else value
            for name, value in vars(aggregate).items()
        }
    )
    return copied


def _entries_of(aggregate: Any) -> int:
    return 1 + sum(len(value) for value in vars(aggregate).values() if isinstance(value, dict | list | set))
