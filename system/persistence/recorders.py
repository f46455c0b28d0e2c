"""The library's process recorders, plus two things it has no place for.

Rows: what a projection wants written, in the same transaction as its position. The keyword
arguments of ``collect_events()`` reach ``_insert_events()`` together with the cursor, so the
`Changes` given as ``changes=`` are written there.
Positions: reading one stream together with the position of each event in the application's log.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast
from uuid import UUID

from eventsourcing.persistence import (
    InfrastructureFactory,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
)
from eventsourcing.popo import POPOFactory, POPOProcessRecorder
from eventsourcing.postgres import PostgresDatastore, PostgresFactory, PostgresProcessRecorder
from eventsourcing.sqlite import SQLiteCursor, SQLiteFactory, SQLiteProcessRecorder
from eventsourcing.utils import get_topic
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier, Literal

from application.codec import uuid_of_hex

from .agreement import AlwaysAgrees, Checkpoint
from .answers import Pace, at_pace, once_more
from .conflicts import told_apart
from .heads import ABOVE_THE_HEAD, IS_ABOVE_THE_HEAD
from .postgres_agreement import PostgresAgreement
from .sql import for_postgres, for_sqlite
from .sqlite.agreement import SqliteAgreement, agreement_statements, move_mark
from .sqlite.files import Datastore
from .sqlite.indexes import search_indexes
from .tables import Change, Table, postgres_parameters, postgres_statement, sqlite_statement

LogRow = tuple[UUID, int, str, bytes, int]
"""An event as it is stored: stream, version, topic, state, position."""


class LogReader(Protocol):
    """Reads the log in pages."""

    def select_log(self, after: int, limit: int) -> Sequence[LogRow]:
        """At most so many events after a position, in the order of positions."""
        ...

    def select_log_from(self, position: int, limit: int) -> Sequence[LogRow]:
        """The event at a position, if it is there, and at most so many after it."""
        ...


class StreamReader(Protocol):
    """Reads a stream with the position of each of its events."""

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """The events of a stream from version `first` to `last` (both included), oldest first."""
        ...


class RowStore(Protocol):
    """Reads and prepares the tables of a read model."""

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Create tables, columns and indexes that are not there yet."""
        ...

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a query gives."""
        ...


class _Recorder(ProcessRecorder):
    """What our recorders can do by what the library's can."""

    def select_log(self, after: int, limit: int) -> Sequence[LogRow]:
        """See `LogReader`."""
        return [
            (cast(UUID, one.originator_id), one.originator_version, one.topic, one.state, one.id)
            for one in self.select_notifications(after, limit, inclusive_of_start=False)
        ]

    def select_log_from(self, position: int, limit: int) -> Sequence[LogRow]:
        """See `LogReader`."""
        return self.select_log(position - 1, limit + 1)


class InMemoryRecorder(AlwaysAgrees, _Recorder, POPOProcessRecorder):
    """Events in memory, gone with the process. It holds no rows: read models use SQLite then. Nor can
    anything come between a log and its followers: both end with the process."""

    def checkpoint(self, leader: str) -> tuple[int, str | None]:
        """See `AgreementStore`."""
        return self.max_tracking_id(leader) or 0, None

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """See `StreamReader`."""
        with self._database_lock:
            index = self._stored_events_index[str(stream_id)]
            return [
                _notification(position + 1, self._stored_events[position])
                for version, position in index.items()
                if version >= first and (last is None or version <= last)
            ]

    def select_streams(self, after: Mapping[UUID, int]) -> Iterable[StoredEvent]:
        """See `StreamsReader`. All are read as of one moment."""
        with self._database_lock:
            return [
                event
                for stream_id, version in after.items()
                for event in self.select_events(stream_id, gt=version)
            ]


class SqliteRecorder(SqliteAgreement, _Recorder, SQLiteProcessRecorder):
    """Events and rows in an SQLite file of the application's own."""

    def construct_create_table_statements(self) -> list[str]:
        """The library's tables, ours beside them, and indexes by which events are searched."""
        events = self.events_table_name
        return [
            *super().construct_create_table_statements(),
            *search_indexes(events),
            *agreement_statements(events),
        ]

    def _insert_tracking(self, c: SQLiteCursor, tracking: Tracking) -> None:
        if isinstance(tracking, Checkpoint):
            move_mark(c, tracking, tracking.mark, tracking.before)
        super()._insert_tracking(c, tracking)

    def select_streams(self, after: Mapping[UUID, int]) -> Iterable[StoredEvent]:
        """See `StreamsReader`."""
        wanted = [(stream_id.hex, version) for stream_id, version in after.items()]
        rows: list[Any] = []
        with self.datastore.transaction(commit=False) as cursor:
            for first in range(0, len(wanted), _STREAMS_AT_ONCE):
                some = wanted[first : first + _STREAMS_AT_ONCE]
                cursor.execute(
                    f"WITH wanted(id, version) AS (VALUES {', '.join(['(?, ?)'] * len(some))}) "
                    "SELECT e.originator_id, e.originator_version, e.topic, e.state FROM wanted "
                    f"CROSS JOIN {self.events_table_name} AS e "
                    "ON e.originator_id = wanted.id AND e.originator_version > wanted.version "
                    "ORDER BY e.originator_id, e.originator_version",
                    [value for pair in some for value in pair],
                )
                rows += cursor.fetchall()
        for stream_id, version, topic, state in rows:
            yield StoredEvent(uuid_of_hex(stream_id), version, topic, state)

    def select_log(self, after: int, limit: int) -> Sequence[LogRow]:
        """See `LogReader`. Without the library's objects, which whoever follows has no use for."""
        statement = (
            "SELECT rowid, originator_id, originator_version, topic, state "
            f"FROM {self.events_table_name} WHERE rowid > ? ORDER BY rowid LIMIT ?"
        )
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, (after, limit))
            rows = cursor.fetchall()
        return [
            (uuid_of_hex(stream_id), version, topic, state, position)
            for position, stream_id, version, topic, state in rows
        ]

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """See `AggregateRecorder`. Raises `IntegrityError` only when a version is taken or the position
        was moved by somebody else."""
        with told_apart():
            return super().insert_events(stored_events, **kwargs)

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        positions = super()._insert_events(c, stored_events, **kwargs)
        for change in cast(Iterable[Change], kwargs.get("changes", ())):
            c.executemany(sqlite_statement(change), change.rows)
        return positions

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """See `StreamReader`."""
        statement = (
            f"SELECT rowid AS position, * FROM {self.events_table_name} WHERE originator_id = :stream "
            "AND originator_version >= :first AND originator_version <= :last ORDER BY originator_version"
        )
        rows = self.rows(statement, {"stream": stream_id.hex, "first": first, "last": last or 2**62})
        return [
            Notification(stream_id, row["originator_version"], row["topic"], row["state"], row["position"])
            for row in rows
        ]

    def create_tables(self, tables: Iterable[Table]) -> None:
        """See `RowStore`."""
        with self.datastore.transaction(commit=True) as cursor:
            for table in tables:
                cursor.execute(for_sqlite(table.create_statement))
                cursor.execute(f"PRAGMA table_info({table.name})")
                present = {row["name"] for row in cursor.fetchall()}
                for name, kind in table.columns.items():
                    if name not in present:
                        cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")
                for statement in table.index_statements():
                    cursor.execute(for_sqlite(statement))
                if table.leftover is not None:  # a file that cannot be written now may be read all the same
                    cursor.execute(f"SELECT 1 FROM {table.name} WHERE {table.leftover} LIMIT 1")
                    if cursor.fetchone() is not None:
                        cursor.execute(f"DELETE FROM {table.name} WHERE {table.leftover}")

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `RowStore`."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(for_sqlite(statement), parameters)
            return [dict(row) for row in cursor.fetchall()]


_STREAMS_AT_ONCE = 400
"""So many that SQLite takes them as parameters of one statement."""


def _tried_twice(method: Any) -> Any:
    """A reading method of the library's recorder, tried once more instead of nine times.

    Each try of an outage waits for a connection until it times out: ten would keep a request, and
    whoever asks whether this process is ready, for most of a minute. One more is enough for a
    connection that the database had closed meanwhile.
    """
    return once_more(method.__wrapped__)


class PostgresRecorder(PostgresAgreement, _Recorder, PostgresProcessRecorder):
    """Events and rows in tables of a PostgreSQL database."""

    select_events = _tried_twice(PostgresProcessRecorder.select_events)
    select_notifications = _tried_twice(PostgresProcessRecorder.select_notifications)
    max_notification_id = _tried_twice(PostgresProcessRecorder.max_notification_id)
    max_tracking_id = _tried_twice(PostgresProcessRecorder.max_tracking_id)

    def __init__(self, datastore: PostgresDatastore, **names: Any) -> None:
        super().__init__(datastore, **names)
        self.insert_events_statement = SQL(
            f"WITH {ABOVE_THE_HEAD} INSERT INTO {{log}} (originator_id, originator_version, topic, state) "
            "SELECT originator_id, originator_version, topic, state FROM unnest(%s::{event}[]) "
            f"WHERE {IS_ABOVE_THE_HEAD} RETURNING notification_id"
        ).format(
            log=Identifier(datastore.schema, self.events_table_name),
            name=Literal(f'"{datastore.schema}"."{self.events_table_name}"'),
            event=Identifier(datastore.schema, self.stored_event_type_name),
        )

    def create_table(self) -> None:
        """Make the tables, ours beside the library's, however long that takes on a large store."""
        with at_pace(Pace.ENDLESS):
            super().create_table()
            self.create_agreement_tables()

    def _create_table(self, curs: Cursor[DictRow]) -> None:
        curs.execute("SET LOCAL statement_timeout = 0")
        super()._create_table(curs)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append in one plain transaction: position, rows, events.

        The library sends them through psycopg's pipeline mode, which hangs for ever once about a
        megabyte is under way (psycopg issue 685); a page of events easily is that large. Nor is
        anything retried here: an outage fails fast, and whoever asked decides.
        """
        with told_apart(), self.datastore.transaction(commit=True) as cursor:
            self._insert_events(cursor, stored_events, **kwargs)
            if not stored_events:
                return []
            self._insert_stored_events(cursor, stored_events, **kwargs)
            return self._fetch_ids_after_insert_events(cursor, stored_events, **kwargs)

    def _insert_tracking(self, curs: Cursor[DictRow], tracking: Tracking) -> None:
        super()._insert_tracking(curs, tracking)
        if isinstance(tracking, Checkpoint) and self.datastore.single_row_tracking:
            self.move_mark(curs, tracking, tracking.mark, tracking.before)

    def _insert_events(
        self, curs: Cursor[DictRow], stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> None:
        super()._insert_events(curs, stored_events, **kwargs)
        for change in cast(Iterable[Change], kwargs.get("changes", ())):
            statement = postgres_statement(change, self.datastore.schema)
            curs.execute(statement.encode(), postgres_parameters(change), prepare=True)

    def select_streams(self, after: Mapping[UUID, int]) -> Iterable[StoredEvent]:
        """See `StreamsReader`."""
        statement = SQL(
            "SELECT e.originator_id, e.originator_version, e.topic, e.state "
            "FROM unnest(%s::uuid[], %s::bigint[]) AS wanted(id, version) "
            "JOIN {schema}.{table} AS e ON e.originator_id = wanted.id "
            "AND e.originator_version > wanted.version ORDER BY e.originator_id, e.originator_version"
        ).format(schema=Identifier(self.datastore.schema), table=Identifier(self.events_table_name))
        with self.datastore.cursor() as cursor:
            cursor.execute(statement, (list(after), list(after.values())), binary=True)
            return [StoredEvent(**row) for row in cursor.fetchall()]

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """See `StreamReader`."""
        statement = SQL(
            "SELECT * FROM {schema}.{table} WHERE originator_id = %s "
            "AND originator_version >= %s AND originator_version <= %s ORDER BY originator_version"
        ).format(schema=Identifier(self.datastore.schema), table=Identifier(self.events_table_name))
        with self.datastore.cursor() as cursor:
            cursor.execute(statement, (stream_id, first, last or 2**62))
            return [
                Notification(
                    stream_id,
                    row["originator_version"],
                    row["topic"],
                    bytes(row["state"]),
                    row["notification_id"],
                )
                for row in cursor.fetchall()
            ]

    def create_tables(self, tables: Iterable[Table]) -> None:
        """See `RowStore`."""
        with at_pace(Pace.ENDLESS), self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            for table in tables:
                cursor.execute(self._sql(table.create_statement))
                if self._columns_of(cursor, table) != set(table.columns):  # to alter would lock the table
                    for statement in table.add_columns_statements():
                        cursor.execute(self._sql(statement))
                for statement in (*table.index_statements(), *table.tidying_statements()):
                    cursor.execute(self._sql(statement))

    def _columns_of(self, cursor: Cursor[DictRow], table: Table) -> set[str]:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped",
            (f'"{self.datastore.schema}".{table.name}',),
        )
        return {row["attname"] for row in cursor.fetchall()}

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `RowStore`."""
        with self.datastore.cursor() as cursor:
            found: list[dict[str, Any]] = cursor.execute(self._sql(statement), parameters).fetchall()
            return found

    def _sql(self, statement: str) -> bytes:
        return for_postgres(statement, self.datastore.schema)


def _notification(position: int, stored: StoredEvent) -> Notification:
    return Notification(stored.originator_id, stored.originator_version, stored.topic, stored.state, position)


def recorder_for(factory: InfrastructureFactory[Any]) -> ProcessRecorder:
    """Our process recorder for the persistence that a factory stands for.

    A recorder named in the environment (``PROCESS_RECORDER_TOPIC``) goes first. In memory the
    library ignores that setting, so the recorder is made here.
    """
    if isinstance(factory, POPOFactory):
        return InMemoryRecorder()
    ours = {SQLiteFactory: SqliteRecorder, PostgresFactory: PostgresRecorder}
    if isinstance(factory, SQLiteFactory):
        factory.datastore = Datastore(factory.datastore)
    for kind, recorder_class in ours.items():
        if isinstance(factory, kind):
            factory.env.setdefault(factory.PROCESS_RECORDER_TOPIC, get_topic(recorder_class))
    return factory.process_recorder()
