"""Searching the stored events of one application by type and metadata, on every store.

A search answers in the order of positions, which is the order of commits: whoever goes on after
the last position it was given misses nothing, however late it was committed.

An event is searched by what its row says: its topic, and the metadata in its JSON. So one that
cannot be decoded any more is found all the same, as far as its row can be read.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC
from typing import Any, ClassVar, Protocol
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Mapper, Notification
from eventsourcing.postgres import PostgresApplicationRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder

from .answers import Pace, at_pace
from .event_facts import EventCriteria as EventCriteria
from .event_facts import facts_of as facts_of
from .postgres.recorder import TunedRecorder
from .sqlite.indexes import CORRELATION, RECORDED, USER

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


def searcher_for(recorder: ApplicationRecorder, mapper: Mapper[UUID]) -> EventSearch:
    """The fastest search that a recorder's store has. What is compressed or encrypted can only be
    read here, event by event."""
    if mapper.cipher is None and mapper.compressor is None:
        if isinstance(recorder, SQLiteApplicationRecorder):
            return SqliteSearch(recorder)
        if isinstance(recorder, TunedRecorder):
            return TunedSearch(recorder)
        if isinstance(recorder, PostgresApplicationRecorder):
            return PostgresSearch(recorder, mapper)
    return Scan(recorder, mapper)


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

    def _page(self, criteria: EventCriteria, after: int, size: int) -> Sequence[Notification]:
        return self._recorder.select_notifications(
            after, size, topics=criteria.types, inclusive_of_start=False
        )

    def _matches(self, event: Notification, criteria: EventCriteria) -> bool:
        return not criteria.look_inside or facts_of(event, self._mapper).match(criteria)


class _Indexed(ABC):
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


class SqliteSearch(_Indexed):
    """By the indexes of `sqlite_indexes`; where they are missing, by reading the table."""

    def __init__(self, recorder: SQLiteApplicationRecorder) -> None:
        self._recorder = recorder

    def statement(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int, *, sizes: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """The query, with its parameters, for events from a position to another, or for their sizes.

        It says which index to take, as SQLite knows nothing about the values: the conversation, or
        else the user, or else the type. A ``+`` keeps an index out. Each type is a query of its
        own, as each gives its events in order, and SQLite merges them without sorting.
        """
        values = _parameters(criteria) | {"first": positions[0], "last": positions[1], "limit": limit}
        conditions = ["rowid BETWEEN :first AND :last", *_in_time(criteria, f"+{RECORDED}")]
        topic = "topic"
        if criteria.user is not None:
            conditions.append(f"{'' if criteria.correlation_id is None else '+'}{USER} = :user")
            topic = "+topic"
        if criteria.correlation_id is not None:
            conditions.append(f"{CORRELATION} = :correlation_id")
            topic = "+topic"
        names = [f"type_{number}" for number in range(len(criteria.types))]
        values |= dict(zip(names, criteria.types, strict=True))
        if topic == "topic":
            ways = [[*conditions, f"topic = :{name}"] for name in names] or [conditions]
        else:
            of_types = [f"+topic IN ({', '.join(f':{name}' for name in names)})"] if names else []
            ways = [[*conditions, *of_types]]
        table = self._recorder.events_table_name
        columns = "rowid AS position, " + ("length(state) AS size" if sizes else "*")
        parts = [f"SELECT {columns} FROM {table} WHERE {' AND '.join(way)}" for way in ways]
        return f"{' UNION ALL '.join(parts)} ORDER BY position LIMIT :limit", values

    def statement_of(self, positions: Sequence[int]) -> tuple[str, dict[str, Any]]:
        """The query for the events at these positions."""
        values = {f"position_{number}": position for number, position in enumerate(positions)}
        table, listed = self._recorder.events_table_name, ", ".join(f":{name}" for name in values)
        return f"SELECT rowid AS position, * FROM {table} WHERE rowid IN ({listed}) ORDER BY rowid", values

    def bounds_statement(self, criteria: EventCriteria, after: int) -> tuple[str, dict[str, Any]]:
        """The query for the first and last position at which the time is right."""
        conditions = " AND ".join(["+rowid > :after", *_in_time(criteria, RECORDED)])
        table = self._recorder.events_table_name
        values = _parameters(criteria) | {"after": after}
        return f"SELECT min(rowid), max(rowid) FROM {table} WHERE {conditions}", values

    def _sizes(self, statement: str, values: dict[str, Any]) -> list[tuple[int, int]]:
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, values)
            return [(row["position"], row["size"]) for row in cursor.fetchall()]

    def _notifications(self, statement: str, values: dict[str, Any]) -> list[Notification]:
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, values)
            return [
                Notification(
                    UUID(row["originator_id"]),
                    row["originator_version"],
                    row["topic"],
                    row["state"],
                    row["position"],
                )
                for row in cursor.fetchall()
            ]

    def _first_and_last(self, criteria: EventCriteria, after: int) -> tuple[int | None, int | None]:
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(*self.bounds_statement(criteria, after))
            first, last = cursor.fetchone()
            return first, last


class PostgresSearch(Scan):
    """On the library's own tables, which have no columns or indexes to search by: the database leaves
    out what cannot match, as it does not contain the text, and the rest is looked at here."""

    def __init__(self, recorder: PostgresApplicationRecorder, mapper: Mapper[UUID]) -> None:
        super().__init__(recorder, mapper)
        table = f'"{recorder.datastore.schema}"."{recorder.events_table_name}"'
        self._statement = (
            "SELECT originator_id, originator_version, topic, state, notification_id AS id "
            f"FROM {table} WHERE notification_id > %(after)s "
            "AND (%(types)s::text[] IS NULL OR topic = ANY(%(types)s)) "
            "AND NOT EXISTS (SELECT FROM unnest(%(parts)s::bytea[]) AS p WHERE position(p IN state) = 0) "
            "ORDER BY notification_id LIMIT %(size)s"
        )
        self._datastore = recorder.datastore

    def _page(self, criteria: EventCriteria, after: int, size: int) -> Sequence[Notification]:
        wanted = [text for text in (criteria.correlation_id, criteria.user) if text is not None]
        # Other text may be written in several ways, with or without escapes.
        plain = [text for text in wanted if text.isascii() and text.isprintable() and not {*'"/\\'} & {*text}]
        parameters = {
            "after": after,
            "types": list(criteria.types) or None,
            "parts": [f'"{text}"'.encode() for text in plain],
            "size": size,
        }
        with at_pace(Pace.SLOW), self._datastore.cursor() as cursor:
            cursor.execute(self._statement.encode(), parameters)
            return [Notification(**{**row, "state": bytes(row["state"])}) for row in cursor.fetchall()]


class TunedSearch(_Indexed):
    """By the columns and indexes of the tuned tables."""

    def __init__(self, recorder: TunedRecorder) -> None:
        self._recorder = recorder

    def statement(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int, *, sizes: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """The query, with its parameters, for events from a position to another, or for their sizes.
        PostgreSQL knows how often each value occurs and takes the index that fits."""
        conditions = ["notification_id BETWEEN :first AND :last", *_in_time(criteria, "recorded_at")]
        if criteria.correlation_id is not None:
            conditions.append("correlation_id = :correlation_id")
        if criteria.user is not None:
            conditions.append("user_id = :user")
        if criteria.types:
            conditions.append("topic = ANY(:types)")
        columns = "notification_id AS position, octet_length(state) AS size" if sizes else _COLUMNS
        statement = (
            f"SELECT {columns} FROM @{self._recorder.events_table_name} WHERE {' AND '.join(conditions)} "
            "ORDER BY notification_id LIMIT :limit"
        )
        first, last = positions
        values = {**vars(criteria), "types": list(criteria.types), "first": first, "last": last}
        return statement, {**values, "limit": limit}

    def statement_of(self, positions: Sequence[int]) -> tuple[str, dict[str, Any]]:
        """The query for the events at these positions."""
        statement = (
            f"SELECT {_COLUMNS} FROM @{self._recorder.events_table_name} "
            "WHERE notification_id = ANY(:positions) ORDER BY notification_id"
        )
        return statement, {"positions": list(positions)}

    def bounds_statement(self, criteria: EventCriteria, after: int) -> tuple[str, dict[str, Any]]:
        """The query for the first and last position at which the time is right. (Without the sum
        PostgreSQL would look for them along the positions, past everything that is too early.)"""
        conditions = " AND ".join(["notification_id + 0 > :after", *_in_time(criteria, "recorded_at")])
        statement = (
            "SELECT min(notification_id + 0) AS first, max(notification_id + 0) AS last "
            f"FROM @{self._recorder.events_table_name} WHERE {conditions}"
        )
        return statement, {"since": criteria.since, "until": criteria.until, "after": after}

    def _sizes(self, statement: str, values: dict[str, Any]) -> list[tuple[int, int]]:
        with at_pace(Pace.SLOW):
            return [(row["position"], row["size"]) for row in self._recorder.rows(statement, values)]

    def _notifications(self, statement: str, values: dict[str, Any]) -> list[Notification]:
        with at_pace(Pace.SLOW):
            return [Notification(**row) for row in self._recorder.rows(statement, values)]

    def _first_and_last(self, criteria: EventCriteria, after: int) -> tuple[int | None, int | None]:
        with at_pace(Pace.SLOW):
            (row,) = self._recorder.rows(*self.bounds_statement(criteria, after))
        return row["first"], row["last"]


_LAST = 2**62
_COLUMNS = "originator_id, originator_version, topic, state, notification_id AS id"


def _in_time(criteria: EventCriteria, time: str) -> list[str]:
    since = [f"{time} >= :since"] if criteria.since is not None else []
    until = [f"{time} < :until"] if criteria.until is not None else []
    return since + until


def _parameters(criteria: EventCriteria) -> dict[str, Any]:
    return {
        "correlation_id": criteria.correlation_id,
        "user": criteria.user,
        "since": criteria.since and criteria.since.astimezone(UTC).isoformat(),
        "until": criteria.until and criteria.until.astimezone(UTC).isoformat(),
    }
