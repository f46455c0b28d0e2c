"""A leader's log as the followers of one process read it: each page once, each event decoded once.

The latest part of the log is kept. A follower that is about as far as the others finds its page
there; only who is far behind, or first, asks the database.
"""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent

from application.limits import MAX_CORRELATION_ID, check_text
from domain.shared.errors import DomainError
from system.persistence.agreement import LogDisagrees
from system.persistence.search import facts_of
from system.persistence.store import LogRow

from .follower import Follower
from .marks import Mark

KEPT_EVENTS = 5000


class Entry:
    """An event in a log, decoded when it is asked for. Shared by all who read it: events never change."""

    __slots__ = (
        *("_event", "_mark", "mapper"),
        *("originator_id", "originator_version", "position", "state", "topic"),
    )

    def __init__(self, stored: LogRow, mapper: Mapper[UUID]) -> None:
        self.originator_id, self.originator_version, self.topic, self.state, self.position = stored
        self.mapper = mapper
        self._event: Any = None
        self._mark: Mark | None = None

    @property
    def mark(self) -> Mark:
        """What the event is known by."""
        if self._mark is None:
            self._mark = Mark.of(self.position, self, self.mapper)
        return self._mark

    @property
    def event(self) -> Any:
        """The event. Raises what decoding it raises."""
        if self._event is None:
            self._event = self.mapper.to_domain_event(cast(StoredEvent, self))
        return self._event

    @property
    def conversation(self) -> str:
        """What it belongs to. One that cannot be decoded may tell that all the same, else its stream."""
        try:
            return str(self.event.correlation_id)
        except Exception:
            found = facts_of(cast(StoredEvent, self), self.mapper).correlation_id
        try:
            return check_text(found or "", MAX_CORRELATION_ID)
        except DomainError:
            return str(self.originator_id)


class EventLog:
    """Reads the log of a leader in pages, for any number of threads."""

    def __init__(self, leader: Follower) -> None:
        self.leader = leader
        self._lock = threading.Lock()
        # Every event after `_after` up to the last of `_entries` is there: what is appended later
        # has a later position.
        self._after = 0
        self._entries: list[Entry] = []

    def page(self, after: int, limit: int, mark: Mark | None = None) -> tuple[Sequence[Entry], bool]:
        """At most so many events after a position, in order, and whether there may be more by now.

        The event at the position is read with them: it has to be there, and be the one of that mark
        where one is given. Raises `LogDisagrees` when it is not.
        """
        with self._lock:
            end = self._entries[-1].position if self._entries else self._after
            if self._after <= after < end:
                first = bisect_right(self._entries, after, key=_position)
                if first == 0 or _is_at(self._entries[first - 1], after, mark):
                    return self._entries[first : first + limit], True
                self._after, self._entries, end = 0, [], 0
            try:
                page = self._read(after, limit, mark)
            except LogDisagrees:
                self._after, self._entries = 0, []  # it was read from a log that is not there any more
                raise
            if after > end:
                self._after, self._entries = after, []
            if after >= end:
                self._keep(page)
            return page, len(page) == limit

    def forget(self) -> None:
        """Keep nothing of what was read so far."""
        with self._lock:
            self._after, self._entries = 0, []

    def _read(self, after: int, limit: int, mark: Mark | None) -> list[Entry]:
        store = self.leader.recorder
        rows = store.select_log_from(after, limit) if after else store.select_log(0, limit)
        page = [Entry(row, self.leader.mapper) for row in rows]
        if after and not (page and _is_at(page.pop(0), after, mark)):
            raise LogDisagrees(f"the event that was read at position {after} of {self.leader.name} is gone")
        return page

    def head(self) -> int:
        """Where the log ends."""
        return self.leader.recorder.max_notification_id() or 0

    def _keep(self, page: Sequence[Entry]) -> None:
        self._entries.extend(page)
        excess = len(self._entries) - KEPT_EVENTS
        if excess > 0:
            self._after = self._entries[excess - 1].position
            del self._entries[:excess]


def _is_at(entry: Entry, position: int, mark: Mark | None) -> bool:
    return entry.position == position and (mark is None or mark.is_at(entry.mark))


_position = attrgetter("position")
