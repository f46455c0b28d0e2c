"""The tuned recorder: an append is one round trip, and readers get pages and many streams at once.

An append is a call of the stored procedure that `migrations` defines. It commits twice. The first
commit stores everything while it holds the log's lock, and does not wait for the disk: the lock is
free again after microseconds, and the order of positions is the order of commits. The second is
empty and does wait for the disk, together with everybody else's: PostgreSQL flushes its log in
order, so what was stored before is durable when the call returns. See docs/decisions/011.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import Mapper, Notification, StoredEvent, Tracking
from psycopg import Connection
from psycopg.rows import TupleRow

from system.persistence.agreement import Checkpoint
from system.persistence.counting import IN_POSTGRES, Found, Part, by_topic, found_in
from system.persistence.search import EventSearch
from system.persistence.sql import for_postgres
from system.persistence.store import LogRow
from system.persistence.tables import Change, Table, postgres_parameters, postgres_statement

from .answers import Pace, at_pace, once_more
from .appends import Appends
from .library_recorder import PostgresRecorder
from .pool import Datastore
from .search import TunedSearch
from .steps import ROOM


class TunedRecorder(PostgresRecorder):
    """Events, positions and rows in tables of a PostgreSQL database."""

    datastore: Datastore
    table_storage = f" WITH ({ROOM})"
    _is_described = True

    def __init__(self, datastore: Datastore, *, events_table_name: str, tracking_table_name: str) -> None:
        super().__init__(
            datastore, events_table_name=events_table_name, tracking_table_name=tracking_table_name
        )
        schema = datastore.schema
        self._events = f'"{schema}"."{events_table_name}"'
        self._tracking = f'"{schema}"."{tracking_table_name}"'
        self._append = f'CALL "{schema}"."{events_table_name}_append"({_APPEND_PARAMETERS})'.encode()
        self._insert = f'SELECT "{schema}"."{events_table_name}_insert"({_INSERT_PARAMETERS})'.encode()
        self._fence = f'"{schema}".orderwright_fence'
        # Asked for once a statement, with its first row, and so after the moment as of which it reads:
        # the statement's own end then waits for the disk where that is needed. Without rows nothing is.
        self._durable = f'(SELECT "{schema}".orderwright_durable())'
        self._appends = Appends(self._append_events)
        # Each stream is looked up by itself: left to choose, PostgreSQL reads the whole index beside the few
        # hundred streams of a page, which takes longer the larger the store.
        self.streams_statement = (
            f"SELECT {self._durable}, e.originator_id, e.originator_version, e.topic, e.state "
            "FROM unnest(%b::uuid[], %b::bigint[]) AS wanted(id, version) CROSS JOIN LATERAL ("
            f"SELECT originator_id, originator_version, topic, state FROM {self._events} "
            "WHERE originator_id = wanted.id AND originator_version > wanted.version "
            "ORDER BY originator_version LIMIT %b) AS e ORDER BY e.originator_id, e.originator_version"
        )

    # Writing

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        rows: Iterable[Change] = (),
        **_: Any,
    ) -> Sequence[int]:
        """Append events, move a position and change rows: all of it or nothing, durable on return.

        Raises `IntegrityError` when a version is taken or the position was moved by somebody else.
        """
        changes = list(rows)
        if changes and stored_events:
            return self._write_all(stored_events, tracking, changes)
        if stored_events and tracking is None:
            return self._appends.append(stored_events)
        if stored_events:
            return self._append_events(stored_events, tracking)
        if tracking is not None:
            self._write_rows(tracking, changes)
        return []

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move a position forward. Raises `IntegrityError` when it is there or further already."""
        self._write_rows(tracking, [])

    def _append_events(
        self, events: Sequence[StoredEvent], tracking: Tracking | None = None
    ) -> Sequence[int]:
        where = _position(tracking) if tracking else (None, None, None, None)
        with self.datastore.shared.connection() as connection:
            cursor = connection.cursor(binary=True)
            cursor.execute(self._append, (*_columns(events), *where), prepare=True)
            row = cursor.fetchone()
        self._notify()
        return cast(tuple[list[int]], row)[0]

    def _write_rows(self, tracking: Tracking, changes: list[Change]) -> None:
        parameters: list[Any] = [*_position(tracking)]
        for change in changes:
            parameters += postgres_parameters(change)
        statement = _rows_statement(
            self._tracking, self._fence, tuple(postgres_statement(c, self.datastore.schema) for c in changes)
        )
        with self.datastore.shared.connection() as connection:
            connection.cursor(binary=True).execute(statement, parameters, prepare=True)

    def _write_all(
        self, events: Sequence[StoredEvent], tracking: Tracking | None, changes: list[Change]
    ) -> Sequence[int]:
        """The rare page that both changes rows and records events, which is where one is parked."""
        with self.datastore.shared.connection() as connection, connection.transaction():
            if tracking is not None:
                self._move(connection, tracking)
            for change in changes:
                statement = postgres_statement(change, self.datastore.schema)
                connection.execute(statement.encode(), postgres_parameters(change))
            row = connection.cursor(binary=True).execute(self._insert, _columns(events)).fetchone()
        # Nobody is told: who has rows is a read model, and nobody follows one.
        return cast(tuple[list[int]], row)[0]

    def _move(self, connection: Connection[TupleRow], tracking: Tracking) -> None:
        statement = _rows_statement(self._tracking, self._fence, ())
        connection.execute(statement, _position(tracking))

    def _notify(self) -> None:
        self.datastore.shared.notifier.notify(self.channel_name)

    # Reading: an event can be seen a moment before it is durable, and a crash could still take it away
    # and give its position and version to another. So every read of events or positions returns when
    # what it read is durable: nobody acts on, or is told of, what may vanish.

    @once_more
    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """See `AggregateRecorder`."""
        direction = "DESC" if desc else "ASC"
        statement = (
            f"SELECT {self._durable}, originator_id, originator_version, topic, state FROM {self._events} "
            "WHERE originator_id = %b AND originator_version > %b AND originator_version <= %b "
            f"ORDER BY originator_version {direction} LIMIT %b"
        )
        first, last = gt if gt is not None else -1, lte if lte is not None else _LAST
        rows = self._read(statement, (originator_id, first, last, limit))
        return [StoredEvent(*event) for _, *event in rows]

    @once_more
    def select_streams(self, after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
        """See `Store`."""
        rows = self._read(self.streams_statement, (list(after), list(after.values()), at_most))
        return [StoredEvent(*event) for _, *event in rows]

    @once_more
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """See `ApplicationRecorder`."""
        first = 0 if start is None else start - inclusive_of_start
        of_topics = "AND topic = ANY(%b) " if topics else ""
        statement = (
            f"SELECT {self._durable}, originator_id, originator_version, topic, state, notification_id "
            f"FROM {self._events} WHERE notification_id > %b AND notification_id <= %b {of_topics}"
            "ORDER BY notification_id LIMIT %b"
        )
        last = _LAST if stop is None else stop
        with at_pace(Pace.SLOW):  # it may have to look through much
            rows = self._read(statement, (first, last, *([list(topics)] if topics else []), limit))
        return [Notification(*event) for _, *event in rows]

    @once_more
    def select_log(self, after: int, limit: int) -> Sequence[LogRow]:
        """See `Store`."""
        statement = (
            f"SELECT {self._durable}, originator_id, originator_version, topic, state, notification_id "
            f"FROM {self._events} WHERE notification_id > %b ORDER BY notification_id LIMIT %b"
        )
        return [cast(LogRow, row[1:]) for row in self._read(statement, (after, limit))]

    @once_more
    def select_log_from(self, position: int, limit: int) -> Sequence[LogRow]:
        """See `Store`."""
        statement = (
            # The event at the position itself was durable before it was read the first time.
            f"SELECT CASE WHEN notification_id > %b THEN {self._durable} END, "
            "originator_id, originator_version, topic, state, notification_id "
            f"FROM {self._events} WHERE notification_id >= %b ORDER BY notification_id LIMIT %b"
        )
        rows = self._read(statement, (position, position, limit + 1))
        return [cast(LogRow, row[1:]) for row in rows]

    @once_more
    def last_of_each(self, topics: Iterable[str]) -> Sequence[LogRow]:
        """See `Store`. By the index of the topics."""
        statement = (
            f"SELECT {self._durable}, e.* FROM unnest(%b::text[]) AS wanted(topic) CROSS JOIN LATERAL ("
            "SELECT originator_id, originator_version, topic, state, notification_id "
            f"FROM {self._events} WHERE topic = wanted.topic ORDER BY notification_id DESC LIMIT 1) AS e"
        )
        return [cast(LogRow, row[1:]) for row in self._read(statement, (list(topics),))]

    @once_more
    def max_notification_id(self) -> int | None:
        """See `ApplicationRecorder`."""
        return cast(int | None, self._read(f"SELECT max(notification_id) FROM {self._events}", ())[0][0])

    @once_more
    def max_tracking_id(self, application_name: str) -> int | None:
        """See `TrackingRecorder`."""
        statement = (
            f"SELECT {self._durable}, notification_id FROM {self._tracking} WHERE application_name = %b"
        )
        rows = self._read(statement, (application_name,))
        return cast(int, rows[0][1]) if rows else None

    @once_more
    def checkpoint(self, leader: str) -> tuple[int, str | None]:
        """See `AgreementStore`."""
        statement = (
            f"SELECT {self._durable}, notification_id, mark FROM {self._tracking} WHERE application_name = %b"
        )
        rows = self._read(statement, (leader,))
        return (rows[0][1], rows[0][2]) if rows else (0, None)

    @once_more
    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """See `Store`."""
        statement = (
            f"SELECT {self._durable}, originator_id, originator_version, topic, state, notification_id "
            f"FROM {self._events} WHERE originator_id = %b AND originator_version >= %b "
            "AND originator_version <= %b ORDER BY originator_version"
        )
        rows = self._read(statement, (stream_id, first, last or _LAST))
        return [Notification(*event) for _, *event in rows]

    @once_more
    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `Store`."""
        with self.datastore.shared.connection() as connection:
            cursor = connection.execute(for_postgres(statement, self.datastore.schema), parameters)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def count_log(self, part: Part) -> Found:
        """See `Store`."""
        statement, values = by_topic(f"@{self.events_table_name}", "notification_id", part, IN_POSTGRES)
        return found_in(self.rows(statement, values))

    def _plain_search(self, _: Mapper[UUID]) -> EventSearch:
        return TunedSearch(self)

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Nothing: the migrations make the tables."""

    def _read(self, statement: str, parameters: Sequence[Any]) -> list[TupleRow]:
        with self.datastore.shared.connection() as connection:
            cursor = connection.cursor(binary=True)
            return cursor.execute(statement.encode(), parameters, prepare=True).fetchall()


_LAST = 2**62
_INSERT_PARAMETERS = (
    "%b::uuid[], %b::bigint[], %b::text[], %b::bytea[], %b::text[], %b::text[], %b::timestamptz[]"
)
_APPEND_PARAMETERS = f"{_INSERT_PARAMETERS}, %b::text, %b::bigint, %b::text, %b::text, NULL"


def _position(tracking: Tracking) -> tuple[str, int, str | None, str | None]:
    """A position with its mark, and the mark that was kept before; a plain one has neither."""
    mark, before = (tracking.mark, tracking.before) if isinstance(tracking, Checkpoint) else (None, None)
    return tracking.application_name, tracking.notification_id, mark, before


def _columns(events: Sequence[StoredEvent]) -> tuple[Collection[Any], ...]:
    """The columns of the rows of events. What describes an event is filled in by the database where
    the writer has not told it."""
    described: list[tuple[str | None, str | None, datetime | None]] = [
        (
            getattr(event, "correlation_id", None),
            getattr(event, "user", None),
            getattr(event, "recorded_at", None),
        )
        for event in events
    ]
    return (
        [event.originator_id for event in events],
        [event.originator_version for event in events],
        [event.topic for event in events],
        [event.state for event in events],
        [correlation_id for correlation_id, _, _ in described],
        [user for _, user, _ in described],
        [recorded_at for _, _, recorded_at in described],
    )


@cache
def _rows_statement(tracking: str, fence: str, changes: tuple[str, ...]) -> bytes:
    """One statement, and so one transaction, that moves the position and changes the rows.

    The fence fails the whole of it when the position was not moved.
    """
    moved = (
        f"moved AS (INSERT INTO {tracking} AS t (application_name, notification_id, mark) "
        "VALUES (%b, %b, %b) ON CONFLICT (application_name) DO UPDATE "
        "SET notification_id = excluded.notification_id, mark = excluded.mark "
        "WHERE t.notification_id < excluded.notification_id "
        "AND (excluded.mark IS NULL OR t.mark IS NOT DISTINCT FROM %b::text) RETURNING 1)"
    )
    parts = [moved, *(f"change_{number} AS ({change})" for number, change in enumerate(changes))]
    return f"WITH {', '.join(parts)} SELECT {fence}((SELECT count(*) FROM moved))".encode()
