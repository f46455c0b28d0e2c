"""A leader's log as the followers of one process read it: each page once, each event decoded once.

The latest part of the log is kept. A follower that is about as far as the others finds its page
there; only who is far behind, or first, asks the database.
"""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Protocol, cast
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Mapper, StoredEvent

from system.persistence.recorders import LogReader, LogRow

KEPT_EVENTS = 5000


class Leading(Protocol):
    """What has a log: any application."""

    name: Any
    mapper: Mapper[UUID]

    @property
    def recorder(self) -> ApplicationRecorder: ...


class Entry:
    """An event in a log, decoded when it is asked for. Shared by all who read it: events never change."""

    __slots__ = ("_event", "_mapper", "originator_id", "originator_version", "position", "state", "topic")

    def __init__(self, stored: LogRow, mapper: Mapper[UUID]) -> None:
        self.originator_id, self.originator_version, self.topic, self.state, self.position = stored
        self._mapper = mapper
        self._event: Any = None

    @property
    def event(self) -> Any:
        """The event. Raises what decoding it raises."""
        if self._event is None:
            self._event = self._mapper.to_domain_event(cast(StoredEvent, self))
        return self._event


class Log:
    """Reads the log of a leader in pages, for any number of threads."""

    def __init__(self, leader: Leading) -> None:
        self.leader = leader
        self._lock = threading.Lock()
        # Every event after `_after` up to the last of `_entries` is there: what is appended later
        # has a later position.
        self._after = 0
        self._entries: list[Entry] = []

    def page(self, after: int, limit: int) -> tuple[Sequence[Entry], bool]:
        """At most so many events after a position, in order, and whether there may be more by now."""
        with self._lock:
            end = self._entries[-1].position if self._entries else self._after
            if self._after <= after < end:
                first = bisect_right(self._entries, after, key=_position)
                return self._entries[first : first + limit], True
            rows = cast(LogReader, self.leader.recorder).select_log(after, limit)
            page = [Entry(row, self.leader.mapper) for row in rows]
            if after > end:
                self._after, self._entries = after, []
            if after >= end:
                self._keep(page)
            return page, len(page) == limit

    def head(self) -> int:
        """Where the log ends."""
        return self.leader.recorder.max_notification_id() or 0

    def _keep(self, page: Sequence[Entry]) -> None:
        self._entries.extend(page)
        excess = len(self._entries) - KEPT_EVENTS
        if excess > 0:
            self._after = self._entries[excess - 1].position
            del self._entries[:excess]


_position = attrgetter("position")
