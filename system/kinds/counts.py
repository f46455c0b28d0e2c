"""How many events of each kind and version are stored, counted once and kept.

A version stands in the stored state of an event, so nothing but reading all of them tells how many there
are. So what was counted is kept, with the position up to which it was: each time only what came since is
read. The row of a log says all of it at once and is right by itself. Of two who count, whoever writes last
wins, and nothing is counted twice.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent

from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.followers.marks import Mark
from system.persistence.event_facts import facts_of
from system.persistence.side_store import SideStore
from system.persistence.store import LogRow
from system.persistence.tables import Table

PAGE = 1000
KEPT_EVERY = 20
"""Pages: what was counted since is counted once more when it is stopped in between."""

UNREADABLE = 0
"""The version of an event that does not tell its version."""

COUNTS = Table(
    "event_counts",
    columns={
        "application": "TEXT",
        "position": "BIGINT NOT NULL",
        "mark": "TEXT NOT NULL",
        "kinds": "TEXT NOT NULL",
    },
    key=("application",),
)

Kind = tuple[str, int]
"""A topic and a version."""

Look = Callable[[int, int], object]
"""Told how far a log is counted, and where it ends."""


def _nobody(*_: object) -> None:
    """Told how far it is when nobody wants to know."""


@dataclass(frozen=True)
class KindCount:
    """The events of one kind and version in a log: how many, the positions of the first and the last, and
    the earliest and the latest time that they tell (None where none can be read)."""

    events: int
    first_position: int
    last_position: int
    first_at: datetime | None
    last_at: datetime | None

    def __add__(self, other: "KindCount") -> "KindCount":
        """With those that stand behind these in the log."""
        times = [one for one in (self.first_at, self.last_at, other.first_at, other.last_at) if one]
        return KindCount(
            self.events + other.events,
            self.first_position,
            other.last_position,
            min(times, default=None),
            max(times, default=None),
        )


@dataclass(frozen=True)
class LogCount:
    """What a log holds up to a position; `mark` names the event that stands there."""

    application: str
    position: int = 0
    mark: str = ""
    kinds: Mapping[Kind, KindCount] = field(default_factory=dict)

    def and_then(self, rows: Iterable[LogRow], mapper: Mapper[UUID]) -> "LogCount":
        """With the rows that come next in the log."""
        kinds, last = dict(self.kinds), None
        for row in rows:
            last = Entry(row, mapper)
            kind, one = counted(last, mapper)
            kinds[kind] = kinds[kind] + one if kind in kinds else one
        if last is None:
            return self
        return LogCount(self.application, last.position, str(last.mark), kinds)


def counted(entry: Entry, mapper: Mapper[UUID]) -> tuple[Kind, KindCount]:
    """The kind of a stored event, and that there is one of it."""
    facts = facts_of(cast(StoredEvent, entry), mapper)
    version = facts.values.get("class_version", 1 if facts.values else UNREADABLE)
    version = version if type(version) is int and version > 0 else UNREADABLE
    at = facts.recorded_at
    return (entry.topic, version), KindCount(1, entry.position, entry.position, at, at)


class EventCounts:
    """The counts of all logs, kept in a side store that has the table. They can be lost: then all is counted
    anew."""

    def __init__(self, store: SideStore) -> None:
        self._store = store

    def kept(self, application: Follower) -> LogCount:
        """What was counted so far of the log of an application; nothing, when another log stands there
        now than the one that was counted."""
        rows = self._store.rows(
            f"SELECT position, mark, kinds FROM @{COUNTS.name} WHERE application = :application",
            {"application": application.name},
        )
        nothing = LogCount(application.name)
        if not rows:
            return nothing
        position, text = rows[0]["position"], rows[0]["mark"]
        there = [Entry(row, application.mapper) for row in application.recorder.select_log(position - 1, 1)]
        mark = Mark.read(text, position)
        if mark is None or not there or not mark.is_at(there[0].mark):
            return nothing
        return LogCount(application.name, position, text, _read(rows[0]["kinds"]))

    def advance(self, application: Follower, most: int | None = None, look: Look = _nobody) -> LogCount:
        """Count what came since, at most so many events, in pages. What is counted is kept every few pages,
        so that it goes on from there when it is stopped."""
        before = count = self.kept(application)
        head = application.recorder.max_notification_id() or 0
        end = head if most is None else min(head, count.position + most)
        pages = 0
        while count.position < end:
            look(count.position, head)
            rows = application.recorder.select_log(count.position, min(PAGE, end - count.position))
            if not rows:
                break
            count, pages = count.and_then(rows, application.mapper), pages + 1
            if pages % KEPT_EVERY == 0:
                self._keep(count)
        if count is not before:
            self._keep(count)
        look(count.position, max(head, count.position))
        return count

    def forget(self, application: Follower) -> None:
        """Count the log of an application anew, from its beginning, the next time."""
        statement = f"DELETE FROM @{COUNTS.name} WHERE application = :application"
        self._store.transact([(statement, {"application": application.name})])

    def _keep(self, count: LogCount) -> None:
        statement = (
            f"INSERT INTO @{COUNTS.name} (application, position, mark, kinds) "
            "VALUES (:application, :position, :mark, :kinds) ON CONFLICT (application) DO UPDATE SET "
            "position = excluded.position, mark = excluded.mark, kinds = excluded.kinds"
        )
        values = {"application": count.application, "position": count.position, "mark": count.mark}
        self._store.transact([(statement, {**values, "kinds": _written(count.kinds)})])


def _written(kinds: Mapping[Kind, KindCount]) -> str:
    rows = [[*kind, *(_text(value) for value in vars(count).values())] for kind, count in kinds.items()]
    return json.dumps(rows)


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(text: str) -> dict[Kind, KindCount]:
    rows: list[list[Any]] = json.loads(text)
    return {
        (topic, version): KindCount(events, first, last, _time(first_at), _time(last_at))
        for topic, version, events, first, last, first_at, last_at in rows
    }


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
