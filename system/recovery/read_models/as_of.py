"""A read model as it was at a moment, in a file for a person who asks what was shown then."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from eventsourcing.persistence import StoredEvent

from application.errors import Refused
from system.bootstrap import Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.followers.derived import Derivation, Underivable
from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.followers.parked import error_text
from system.followers.projection import Projection
from system.persistence.search import facts_of
from system.persistence.sqlite.row_file import RowFile
from system.persistence.tables import Table

PAGE = 1000
MOST_FAILURES = 1000
"""With more than so many it is not the events that are wrong."""

# What a person finds beside the rows: a name and a value each, so that any tool shows it.
ABOUT = Table("about", columns={"name": "TEXT", "value": "TEXT NOT NULL"}, key=("name",))
FAILURES = Table(
    "failures",
    columns={
        "leader": "TEXT",
        "position": "BIGINT",
        "type": "TEXT NOT NULL",
        "about": "TEXT",
        "error": "TEXT NOT NULL",
    },
    key=("leader", "position"),
)

Progress = Callable[[int, int], object]
"""Told how many positions of all logs are read, of how many."""


class MomentToCome(Refused):
    """Somebody asks how something was at a moment that has not come."""

    code = "moment_to_come"


class TooManyFailures(Refused):
    """Most events cannot be handled by the present code."""

    code = "too_many_failures"


@dataclass(frozen=True)
class EventFailure:
    """An event that the present code cannot handle. `about` is the order, or whatever the read model is
    about; None when nobody can tell."""

    leader: str
    position: int
    type: str
    about: str | None
    error: str


@dataclass(frozen=True)
class BuiltAsOf:
    """A read model as it was at a moment. `positions` are those of the last events that were taken in, and
    `failures` the events that could not be: the rows go without them."""

    projection: str
    as_of: datetime
    file: str
    rows: Mapping[str, int]
    positions: Mapping[str, int]
    events: int
    failures: tuple[EventFailure, ...]

    @property
    def sentence(self) -> str:
        """What has come of it, in words."""
        if not self.events:
            return f"No event is that old: {self.projection} was empty, and so are the tables."
        counts = ", ".join(f"{count:,} rows of {table}" for table, count in self.rows.items())
        return f"{self.file} has {counts}, made of {self.events:,} events."


def build_as_of(
    orderwright: Orderwright,
    projection_class: type[Projection],
    as_of: datetime,
    into: Path,
    progress: Progress = lambda *_: None,
) -> BuiltAsOf:
    """Write a new SQLite file with the read model as it was at a moment: made by the present code of all
    events of its leaders whose time is not after it. The store is only read.

    Raises `MomentToCome`, `TooManyFailures`, and what `RowFile` raises; then no file is left.
    """
    if as_of > orderwright.clock():
        raise MomentToCome(f"{as_of.isoformat()} has not come yet; nobody knows what is shown then")
    collect_garbage_less_often()  # as in the audit
    leaders = {leader.name: leader for leader in orderwright.leaders_of(projection_class.name)}
    with RowFile(into, (*projection_class.tables, ABOUT, FAILURES)) as file:
        made = _fill(file, projection_class, leaders, as_of, progress)
        file.add(ABOUT, _about(projection_class, as_of, made, orderwright.clock()))
        file.add(FAILURES, [vars(failure) for failure in made.failures])
        rows = {name: file.counts()[name] for name in (table.name for table in projection_class.tables)}
        file.keep()
    positions, failures = dict(made.positions), tuple(made.failures)
    return BuiltAsOf(projection_class.name, as_of, str(into), rows, positions, made.events, failures)


class _Made:
    """What came of it so far."""

    def __init__(self, leaders: Mapping[str, Follower]) -> None:
        self.positions = dict.fromkeys(leaders, 0)
        self.events = 0
        self.failures: list[EventFailure] = []

    def add(self, leader: str, page: list[Entry], failed: list[EventFailure]) -> None:
        if page:
            self.positions[leader] = page[-1].position
        self.failures += failed
        if len(self.failures) > MOST_FAILURES:
            first = self.failures[0]
            raise TooManyFailures(
                f"more than {MOST_FAILURES:,} events cannot be handled; the first: {first.type} at position "
                f"{first.position} of {first.leader}: {first.error}"
            )


def _fill(
    file: RowFile,
    projection_class: type[Projection],
    leaders: Mapping[str, Follower],
    as_of: datetime,
    progress: Progress,
) -> _Made:
    made = _Made(leaders)
    ends = {name: _last_of(leader, as_of) for name, leader in leaders.items()}
    done, whole = 0, sum(ends.values())
    with Derivation(projection_class, into=file.write) as derivation:
        for name, leader in leaders.items():
            for page in _pages(leader, ends[name]):
                wanted = [
                    entry
                    for entry in page
                    if derivation.projection.concerns(entry.topic) and _time_of(entry) <= as_of
                ]
                failed = derivation.take_what_can_be(name, wanted)
                made.add(name, wanted, [failure_of(projection_class, one) for one in failed])
                progress(done + page[-1].position, whole)
            done += ends[name]
        made.events = derivation.taken
    return made


def _last_of(leader: Follower, as_of: datetime) -> int:
    head = leader.recorder.max_notification_id() or 0
    search = leader.recorder.search(leader.mapper)
    return search.last_position(as_of + timedelta(microseconds=1), head)


def _pages(leader: Follower, end: int) -> Iterator[list[Entry]]:
    position = 0
    while position < end:
        rows = [row for row in leader.recorder.select_log(position, PAGE) if row[-1] <= end]
        if not rows:
            return
        yield [Entry(row, leader.mapper) for row in rows]
        position = rows[-1][-1]


def _time_of(entry: Entry) -> datetime:
    """When it was. One that does not even tell that counts as old, so that it is named."""
    try:
        return cast(datetime, entry.event.timestamp)
    except Exception:
        recorded_at = facts_of(cast(StoredEvent, entry), entry.mapper).recorded_at
        return recorded_at or datetime.min.replace(tzinfo=UTC)


def failure_of(projection_class: type[Projection], failed: Underivable) -> EventFailure:
    """An event that cannot be handled, as it is told."""
    entry = failed.entry
    about = projection_class.subject.of(failed.leader, entry)
    return EventFailure(failed.leader, entry.position, entry.topic, about, error_text(failed.error))


def _about(
    projection_class: type[Projection], as_of: datetime, made: _Made, now: datetime
) -> list[dict[str, Any]]:
    values = {
        "read_model": projection_class.name,
        "as_of": as_of.isoformat(),
        "built_at": now.isoformat(),
        "built_by": f"orderwright {version('orderwright')}",
        "events": made.events,
        "events_not_handled": len(made.failures),
        **{f"position_in_{leader}": position for leader, position in made.positions.items()},
    }
    return [{"name": name, "value": str(value)} for name, value in values.items()]
