"""The rows that the present code makes of given events, derived in memory beside what is stored.

There is no second way to fold rows: events go through `handle` of an instance of the read model's own
class, whose store is an SQLite database in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from application.errors import Refused
from system.persistence.tables import Changes

from .event_log import Entry
from .follower import Follower
from .parked import error_text
from .projection import Projection
from .unit_of_work import UnitOfWork

Row = dict[str, Any]
Rows = Mapping[str, list[Row]]
"""The rows of each table, by its name, in the order of its key."""

STREAM_PAGE = 500
"""So many events of a stream are read at once."""


class Underivable(Refused):
    """An event that the present code cannot handle: where it is, and what is wrong."""

    code = "event_not_handled"

    def __init__(self, leader: str, entry: Entry, error: Exception) -> None:
        where = (
            f"version {entry.originator_version} of stream {entry.originator_id}, position {entry.position}"
        )
        super().__init__(f"{entry.topic} of {leader} ({where}) cannot be handled: {error_text(error)}")
        self.leader = leader
        self.entry = entry
        self.error = error


class Derivation:
    """Makes rows of a read model in memory, or, with `into`, has the changes of rows written elsewhere.
    Belongs to one thread; to be closed."""

    def __init__(
        self, projection_class: type[Projection], into: Callable[[Changes], object] | None = None
    ) -> None:
        self.projection = projection_class(env={"PERSISTENCE_MODULE": "eventsourcing.popo"})
        self._into = into
        self.taken = 0
        """How many events were taken in."""

    def take(self, leader: str, entries: Iterable[Entry]) -> None:
        """Take in events of a leader, in the order of positions. What does not concern the read model is
        passed over, as it is when it follows. Raises `Underivable` for the first that cannot be handled;
        of the events of this call nothing is taken in then."""
        work, taken = UnitOfWork(), 0
        for entry in entries:
            if self.projection.concerns(entry.topic):
                try:
                    self.projection.handle(entry.event, work)
                except Exception as error:
                    raise Underivable(leader, entry, error) from error
                taken += 1
        if self._into is not None:
            self._into(work.rows)
        else:
            self.projection.record_work(work)
        self.taken += taken

    def take_what_can_be(self, leader: str, entries: Sequence[Entry]) -> list[Underivable]:
        """The same, going on without the events that cannot be handled, which are returned."""
        try:
            self.take(leader, entries)
        except Underivable:
            pass
        else:
            return []
        failed: list[Underivable] = []
        for entry in entries:
            try:
                self.take(leader, [entry])
            except Underivable as error:
                failed.append(error)
        return failed

    def rows(self) -> Rows:
        """All rows as they are by now."""
        return {
            table.name: self.projection.rows(
                f"SELECT {', '.join(table.columns)} FROM @{table.name} ORDER BY {', '.join(table.key)}"
            )
            for table in self.projection.tables
        }

    def forget(self) -> None:
        """Begin anew with no rows."""
        self.projection.recorder.restart((), self.projection.tables, "")

    def close(self) -> None:
        """Give the memory back."""
        self.projection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def derived_rows(
    derivation: Derivation, leaders: Mapping[str, Follower], key: str, positions: Mapping[str, int]
) -> Rows:
    """The rows of one order (or whatever the read model is about), made of its events up to a position of
    each of these leaders. Raises `Underivable`, and `ValueError` when the key names none."""
    derivation.forget()
    for leader, entries in events_of(derivation.projection, leaders, key, positions):
        derivation.take(leader, entries)
    return derivation.rows()


def events_of(
    projection: Projection, leaders: Mapping[str, Follower], key: str, positions: Mapping[str, int]
) -> Iterator[tuple[str, list[Entry]]]:
    """The events of one order (or whatever the read model is about) that its leaders have up to these
    positions, leader after leader, in pages. Raises `ValueError` when the key names none."""
    streams = projection.subject.streams(key)
    for name, leader in leaders.items():
        if name in streams:
            for page in _pages(leader, streams[name]):
                yield name, [entry for entry in page if entry.position <= positions.get(name, 0)]


def _pages(leader: Follower, stream_id: UUID) -> Iterator[list[Entry]]:
    last = list(leader.recorder.select_events(stream_id, desc=True, limit=1))
    ends = last[0].originator_version if last else 0
    for first in range(1, ends + 1, STREAM_PAGE):
        page = leader.recorder.select_stream(stream_id, first, first + STREAM_PAGE - 1)
        yield [
            Entry((stream_id, one.originator_version, one.topic, one.state, one.id), leader.mapper)
            for one in page
        ]


def stored_rows(projection: Projection, key: str) -> Rows:
    """The rows of one order (or whatever the read model is about) that it answers with."""
    return {
        table.name: projection.rows(
            f"SELECT {', '.join(table.columns)} FROM @{table.name} "
            f"WHERE {projection.subject.column} = :key ORDER BY {', '.join(table.key)}",
            key=key,
        )
        for table in projection.tables
    }
