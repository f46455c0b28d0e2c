"""Searching the stored events of one application by type and metadata, on every store.

A search answers in the order of positions, which is the order of commits: whoever goes on after
the last position it was given misses nothing, however late it was committed.

An event is searched by what its row says: its topic, and the metadata in its JSON. So one that
cannot be decoded any more is found all the same, as far as its row can be read.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Mapper, Notification

from .event_facts import EventCriteria as EventCriteria
from .event_facts import facts_of as facts_of

SCANNED_AT_ONCE = 100
LOOKED_AT_FIRST = 2000
"""So many positions are looked through for a time before the index of times is asked."""


UNBOUNDED = 2**62


class EventSearch(Protocol):
    """Searches the log of an application."""

    is_indexed: ClassVar[bool]
    """Whether a search costs as much as it finds, however long the log is."""

    def find(
        self, criteria: EventCriteria, after: int, limit: int, most_bytes: int = UNBOUNDED
    ) -> Sequence[Notification]:
        """At most so many of the events that match, those right after a position, in order; the last is
        the one with which their states reach so many bytes. No more than those are fetched at a time."""
        ...

    def last_position(self, until: datetime, head: int) -> int:
        """A position up to `head` after which there is no event of an earlier time than this."""
        ...


class Scan:
    """Reads the log and looks at every event: right everywhere, and as slow as the log is long."""

    is_indexed: ClassVar[bool] = False

    def __init__(self, recorder: ApplicationRecorder, mapper: Mapper[UUID]) -> None:
        self._recorder = recorder
        self._mapper = mapper

    def find(
        self, criteria: EventCriteria, after: int, limit: int, most_bytes: int = UNBOUNDED
    ) -> Sequence[Notification]:
        """See `EventSearch`."""
        found: list[Notification] = []
        size = SCANNED_AT_ONCE if criteria.look_inside else min(limit, SCANNED_AT_ONCE)
        while True:
            page = self._page(criteria, after, size)
            for event in page:
                if self._matches(event, criteria):
                    found.append(event)
                    most_bytes -= len(event.state)
                    if len(found) == limit or most_bytes <= 0:
                        return found
            if len(page) < size:
                return found
            after = page[-1].id

    def last_position(self, until: datetime, head: int) -> int:  # noqa: ARG002 - only reading all would tell
        """See `EventSearch`."""
        return head

    def _page(self, criteria: EventCriteria, after: int, size: int) -> Sequence[Notification]:
        return self._recorder.select_notifications(
            after, size, topics=criteria.types, inclusive_of_start=False
        )

    def _matches(self, event: Notification, criteria: EventCriteria) -> bool:
        return not criteria.look_inside or facts_of(event, self._mapper).match(criteria)


class IndexedSearch(ABC):
    """Searches by indexes. Times are the difficult part: they nearly rise with positions, but not
    always, so the index of times alone cannot give events in the order of positions."""

    is_indexed: ClassVar[bool] = True

    def find(
        self, criteria: EventCriteria, after: int, limit: int, most_bytes: int = UNBOUNDED
    ) -> Sequence[Notification]:
        """See `EventSearch`."""
        if criteria.since is None and criteria.until is None:
            return self._events(criteria, (after + 1, _LAST), limit, most_bytes)
        # Often the next few have what is asked for. Else all that lies too early or too late is
        # left out, which the index of times tells, and which costs as much as the time is long.
        near = after + LOOKED_AT_FIRST
        found = self._events(criteria, (after + 1, near), limit, most_bytes)
        most_bytes -= sum(len(event.state) for event in found)
        if len(found) < limit and most_bytes > 0:
            first, last = self._first_and_last(criteria, near)
            if first is not None and last is not None:
                found += self._events(criteria, (first, last), limit - len(found), most_bytes)
        return found

    def last_position(self, until: datetime, head: int) -> int:
        """See `EventSearch`."""
        _, last = self._first_and_last(EventCriteria(until=until), 0)
        return min(last or 0, head)

    def _events(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int, most_bytes: int
    ) -> list[Notification]:
        """Where bytes matter, first it is asked how large which events are, and then for some of them."""
        if most_bytes == UNBOUNDED:
            return self._notifications(*self.statement(criteria, positions, limit))
        wanted: list[int] = []
        for position, size in self._sizes(*self.statement(criteria, positions, limit, sizes=True)):
            wanted.append(position)
            most_bytes -= size
            if most_bytes <= 0:
                break
        return self._notifications(*self.statement_of(wanted)) if wanted else []

    @abstractmethod
    def statement(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int, *, sizes: bool = False
    ) -> tuple[str, dict[str, Any]]: ...

    @abstractmethod
    def statement_of(self, positions: Sequence[int]) -> tuple[str, dict[str, Any]]: ...

    @abstractmethod
    def _sizes(self, statement: str, values: dict[str, Any]) -> list[tuple[int, int]]: ...

    @abstractmethod
    def _notifications(self, statement: str, values: dict[str, Any]) -> list[Notification]: ...

    @abstractmethod
    def _first_and_last(self, criteria: EventCriteria, after: int) -> tuple[int | None, int | None]: ...


_LAST = 2**62


def in_time(criteria: EventCriteria, time: str) -> list[str]:
    """The conditions that the time, which this SQL says, has to fulfil."""
    since = [f"{time} >= :since"] if criteria.since is not None else []
    until = [f"{time} < :until"] if criteria.until is not None else []
    return since + until
