"""Searching the stored events of one application by type and metadata, on every store.

A search answers in the order of positions, which is the order of commits: whoever goes on after
the last position it was given misses nothing, however late it was committed.

An event is searched by what its row says: its topic, and the metadata in its JSON. So one that
cannot be decoded any more is found all the same, as far as its row can be read.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Mapper, Notification, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder

from .answers import Pace, at_pace
from .postgres.recorder import TunedRecorder
from .sqlite_indexes import CORRELATION, RECORDED, USER

SCANNED_AT_ONCE = 500
LOOKED_AT_FIRST = 2000
"""So many positions are looked through for a time before the index of times is asked."""


@dataclass(frozen=True)
class EventCriteria:
    """Which events: all criteria that are given have to hold. `types` are topics, one of which it
    is; `since` is included, `until` is not."""

    types: tuple[str, ...] = ()
    correlation_id: str | None = None
    user: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def look_inside(self) -> bool:
        """Whether an event's metadata has to be looked at."""
        return replace(self, types=()) != EventCriteria()


@dataclass(frozen=True)
class Facts:
    """What stands in the JSON of a row, as far as it can be read."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """The text under a name."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    @property
    def correlation_id(self) -> str | None:
        """The conversation."""
        return self.text("correlation_id")

    @property
    def user(self) -> str | None:
        """Who did it."""
        return self.text("user")

    @property
    def recorded_at(self) -> datetime | None:
        """When, in UTC."""
        try:
            time = datetime.fromisoformat(self.values["timestamp"]["_data_"])
            return time.astimezone(UTC) if time.tzinfo is not None else None
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def match(self, criteria: EventCriteria) -> bool:
        """Whether the metadata is what is looked for; what cannot be read is not."""
        time = self.recorded_at
        return (
            criteria.correlation_id in (None, self.correlation_id)
            and criteria.user in (None, self.user)
            and (criteria.since is None or (time is not None and time >= criteria.since))
            and (criteria.until is None or (time is not None and time < criteria.until))
        )


class EventSearch(Protocol):
    """Searches the log of an application."""

    is_indexed: ClassVar[bool]
    """Whether a search costs as much as it finds, however long the log is."""

    def find(self, criteria: EventCriteria, after: int, limit: int) -> Sequence[Notification]:
        """At most so many of the events that match, those right after a position, in order."""
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


def facts_of(stored_event: StoredEvent, mapper: Mapper[UUID]) -> Facts:
    """What a row says about its event. Raises nothing: what cannot be read is left out."""
    try:
        state = bytes(stored_event.state)
        if mapper.cipher is not None:
            state = mapper.cipher.decrypt(state)
        if mapper.compressor is not None:
            state = mapper.compressor.decompress(state)
        values = json.loads(state)
    except Exception:  # whatever a cipher, a compressor or a decoder says about damaged data
        return Facts({})
    return Facts(values) if isinstance(values, dict) else Facts({})


class Scan:
    """Reads the log and looks at every event: right everywhere, and as slow as the log is long."""

    is_indexed: ClassVar[bool] = False

    def __init__(self, recorder: ApplicationRecorder, mapper: Mapper[UUID]) -> None:
        self._recorder = recorder
        self._mapper = mapper

    def find(self, criteria: EventCriteria, after: int, limit: int) -> Sequence[Notification]:
        """See `EventSearch`."""
        found: list[Notification] = []
        size = max(limit, SCANNED_AT_ONCE) if criteria.look_inside else limit
        while len(found) < limit:
            page = self._page(criteria, after, size)
            found += [event for event in page if self._matches(event, criteria)]
            if len(page) < size:
                break
            after = page[-1].id
        return found[:limit]

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

    def find(self, criteria: EventCriteria, after: int, limit: int) -> Sequence[Notification]:
        """See `EventSearch`."""
        if criteria.since is None and criteria.until is None:
            return self._events(criteria, (after + 1, _LAST), limit)
        # Often the next few have what is asked for. Else all that lies too early or too late is
        # left out, which the index of times tells, and which costs as much as the time is long.
        near = after + LOOKED_AT_FIRST
        found = self._events(criteria, (after + 1, near), limit)
        if len(found) < limit:
            first, last = self._first_and_last(criteria, near)
            if first is not None and last is not None:
                found += self._events(criteria, (first, last), limit - len(found))
        return found

    @abstractmethod
    def _events(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int
    ) -> list[Notification]: ...

    @abstractmethod
    def _first_and_last(self, criteria: EventCriteria, after: int) -> tuple[int | None, int | None]: ...


class SqliteSearch(_Indexed):
    """By the indexes of `sqlite_indexes`; where they are missing, by reading the table."""

    def __init__(self, recorder: SQLiteApplicationRecorder) -> None:
        self._recorder = recorder

    def statement(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int
    ) -> tuple[str, dict[str, Any]]:
        """The query, with its parameters, for events from a position to another.

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
        parts = [f"SELECT rowid AS position, * FROM {table} WHERE {' AND '.join(way)}" for way in ways]
        return f"{' UNION ALL '.join(parts)} ORDER BY position LIMIT :limit", values

    def bounds_statement(self, criteria: EventCriteria, after: int) -> tuple[str, dict[str, Any]]:
        """The query for the first and last position at which the time is right."""
        conditions = " AND ".join(["+rowid > :after", *_in_time(criteria, RECORDED)])
        table = self._recorder.events_table_name
        values = _parameters(criteria) | {"after": after}
        return f"SELECT min(rowid), max(rowid) FROM {table} WHERE {conditions}", values

    def _events(self, criteria: EventCriteria, positions: tuple[int, int], limit: int) -> list[Notification]:
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(*self.statement(criteria, positions, limit))
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
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int
    ) -> tuple[str, dict[str, Any]]:
        """The query, with its parameters, for events from a position to another. PostgreSQL knows how
        often each value occurs and takes the index that fits."""
        conditions = ["notification_id BETWEEN :first AND :last", *_in_time(criteria, "recorded_at")]
        if criteria.correlation_id is not None:
            conditions.append("correlation_id = :correlation_id")
        if criteria.user is not None:
            conditions.append("user_id = :user")
        if criteria.types:
            conditions.append("topic = ANY(:types)")
        statement = (
            "SELECT originator_id, originator_version, topic, state, notification_id AS id "
            f"FROM @{self._recorder.events_table_name} WHERE {' AND '.join(conditions)} "
            "ORDER BY notification_id LIMIT :limit"
        )
        first, last = positions
        values = {**vars(criteria), "types": list(criteria.types), "first": first, "last": last}
        return statement, {**values, "limit": limit}

    def bounds_statement(self, criteria: EventCriteria, after: int) -> tuple[str, dict[str, Any]]:
        """The query for the first and last position at which the time is right. (Without the sum
        PostgreSQL would look for them along the positions, past everything that is too early.)"""
        conditions = " AND ".join(["notification_id + 0 > :after", *_in_time(criteria, "recorded_at")])
        statement = (
            "SELECT min(notification_id + 0) AS first, max(notification_id + 0) AS last "
            f"FROM @{self._recorder.events_table_name} WHERE {conditions}"
        )
        return statement, {"since": criteria.since, "until": criteria.until, "after": after}

    def _events(self, criteria: EventCriteria, positions: tuple[int, int], limit: int) -> list[Notification]:
        with at_pace(Pace.SLOW):
            rows = self._recorder.rows(*self.statement(criteria, positions, limit))
        return [Notification(**row) for row in rows]

    def _first_and_last(self, criteria: EventCriteria, after: int) -> tuple[int | None, int | None]:
        with at_pace(Pace.SLOW):
            (row,) = self._recorder.rows(*self.bounds_statement(criteria, after))
        return row["first"], row["last"]


_LAST = 2**62


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
