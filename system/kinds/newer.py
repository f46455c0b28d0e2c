"""Whether a store holds events of a newer release than this one: looked at when a process starts.

It may cost little on a store of millions of events, so not all of them are read. What was counted before
is exact, and each start counts on for a few thousand events. Where that does not reach the end of a log,
its last events are looked at, and, by the index of the topics, the last one of each kind there is.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

import structlog
from eventsourcing.persistence import PersistenceError

from domain.shared.aggregates import EVENT_TYPES
from system.followers.event_log import Entry
from system.followers.follower import Follower

from .counts import EventCounts, Kind, KindCount, LogCount, counted

COUNTED_AT_START = 5000
LOOKED_AT = 1000

CURE = (
    "Nothing was changed. Start the release that recorded them, or a later one. To go on with this one all "
    "the same, set ORDERWRIGHT_PARK_NEWER_EVENTS=y: each of them is then parked, with what follows for its "
    "order, until a release that knows them is back. See docs/changing-events.md"
)


OpenCounts = Callable[[], AbstractContextManager[EventCounts]]

log = structlog.get_logger()


class NewerEvents(PersistenceError):
    """The store holds events of a newer release; the message names event, version and number."""

    @classmethod
    def of(cls, found: "Sequence[Newer]") -> Self:
        """The refusal of a start."""
        listed = "; ".join(one.detail for one in found)
        return cls(f"it holds events of a newer release: {listed}. {CURE}")


@dataclass(frozen=True)
class Newer:
    """Events of a kind in a version that this release does not know. `is_all` says whether these are all
    there are, as far as the log was counted."""

    application: str
    topic: str
    version: int
    known: int
    count: KindCount
    is_all: bool

    @property
    def detail(self) -> str:
        """The same in words."""
        number = f"{self.count.events}" if self.is_all else f"at least {self.count.events}"
        return (
            f"{number} of {self.topic} in version {self.version} (this release knows version {self.known}), "
            f"the first at position {self.count.first_position} of {self.application}"
        )


def known_version(topic: str) -> int | None:
    """The version in which this release records a kind of event; None for a kind that it does not know."""
    event_class = EVENT_TYPES.get(topic)
    return None if event_class is None else int(getattr(event_class, "class_version", 1))


def newer_in_store(applications: Mapping[str, Follower], open_counts: OpenCounts) -> list[Newer]:
    """The events of all logs that are newer than the code, as far as a start looks. Where nothing can be
    counted now, as much is looked at as can be without."""
    everybody = applications.values()
    try:
        with open_counts() as counts:
            return [one for application in everybody for one in newer_at_start(application, counts)]
    except (PersistenceError, OSError, sqlite3.Error) as error:
        log.warning("events cannot be counted now", error=str(error))
        return [one for application in everybody for one in newer_at_start(application, None)]


def newer_at_start(application: Follower, counts: EventCounts | None) -> list[Newer]:
    """What is newer in the log of an application, as far as a start looks. Without counts, which cannot be
    kept at present, only what a look at the end of the log tells."""
    count = LogCount(application.name) if counts is None else counts.advance(application, COUNTED_AT_START)
    if counts is not None and any(not _is_still_there(one, application) for one in newer_in(count)):
        counts.forget(application)  # a damaged row that was repaired since
        count = counts.advance(application, COUNTED_AT_START)
    head = application.recorder.max_notification_id() or 0
    if count.position >= head:
        return newer_in(count)
    kinds = dict(count.kinds)
    for kind, one in _at_the_end(application, count.position, head):
        kinds[kind] = kinds[kind] + one if kind in kinds else one
    return newer_in(LogCount(count.application, count.position, kinds=kinds), is_all=False)


def newer_in(count: LogCount, *, is_all: bool = True) -> list[Newer]:
    """What is newer than the code among what was counted. A kind that is not known at all is none: it may
    be a single damaged row, which keeps nobody from starting."""
    return [
        Newer(count.application, topic, version, known, one, is_all)
        for (topic, version), one in sorted(count.kinds.items())
        if (known := known_version(topic)) is not None and version > known
    ]


def _is_still_there(newer: Newer, application: Follower) -> bool:
    """Whether the first of these events still says what it said when it was counted."""
    rows = application.recorder.select_log(newer.count.first_position - 1, 1)
    kinds = [counted(Entry(row, application.mapper), application.mapper)[0] for row in rows]
    return kinds == [(newer.topic, newer.version)]


def _at_the_end(application: Follower, after: int, head: int) -> Iterator[tuple[Kind, KindCount]]:
    """The last events of a log and the last of each kind, behind a position; each once."""
    store, mapper = application.recorder, application.mapper
    rows = [*store.select_log(max(after, head - LOOKED_AT), LOOKED_AT), *store.last_of_each(_topics())]
    entries = {row[4]: Entry(row, mapper) for row in rows if row[4] > after}
    for position in sorted(entries):
        yield counted(entries[position], mapper)


def _topics() -> Iterable[str]:
    return sorted(EVENT_TYPES)
