"""The store in SQLite files."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Mapper, Notification, StoredEvent, Tracking
from eventsourcing.sqlite import SQLiteCursor, SQLiteProcessRecorder

from application.codec import uuid_of_hex
from system.persistence.agreement import Checkpoint
from system.persistence.conflicts import told_apart
from system.persistence.counting import IN_SQLITE, Found, Part, by_topic, found_in
from system.persistence.search import EventSearch
from system.persistence.sql import for_sqlite
from system.persistence.store import LogRow, Store
from system.persistence.tables import Change, sqlite_statement

from .agreement import SqliteAgreement, agreement_statements, move_mark
from .files import Datastore
from .heartbeats import HEARTBEATS, SqliteHeartbeats
from .indexes import search_indexes
from .inspection import SqliteInspection
from .search import SqliteSearch
from .tables import SqliteTables


class SqliteRecorder(SqliteTables, SqliteAgreement, SqliteHeartbeats, Store, SQLiteProcessRecorder):
    """Events and rows in an SQLite file of the application's own."""

    datastore: Datastore

    def construct_create_table_statements(self) -> list[str]:
        """The library's tables, ours beside them, and indexes by which events are searched."""
        events = self.events_table_name
        return [
            *super().construct_create_table_statements(),
            *search_indexes(events),
            *agreement_statements(events),
            for_sqlite(HEARTBEATS.create_statement),
        ]

    def _insert_tracking(self, c: SQLiteCursor, tracking: Tracking) -> None:
        if isinstance(tracking, Checkpoint):
            move_mark(c, tracking, tracking.mark, tracking.before)
        super()._insert_tracking(c, tracking)

    def select_streams(self, after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
        """See `Store`."""
        wanted = [(stream_id.hex, version) for stream_id, version in after.items()]
        rows: list[Any] = []
        limited = ""
        if at_most is not None:  # the last of them is looked up once a stream: a list of them would be, a row
            limited = (
                "AND e.originator_version <= COALESCE("
                f"(SELECT originator_version FROM {self.events_table_name} WHERE originator_id = wanted.id "
                "AND originator_version > wanted.version "
                f"ORDER BY originator_version LIMIT 1 OFFSET {int(at_most) - 1}), {2**63 - 1}) "
            )
        with self.datastore.transaction(commit=False) as cursor:
            for first in range(0, len(wanted), _STREAMS_AT_ONCE):
                some = wanted[first : first + _STREAMS_AT_ONCE]
                cursor.execute(
                    f"WITH wanted(id, version) AS (VALUES {', '.join(['(?, ?)'] * len(some))}) "
                    "SELECT e.originator_id, e.originator_version, e.topic, e.state FROM wanted "
                    f"CROSS JOIN {self.events_table_name} AS e "
                    f"ON e.originator_id = wanted.id AND e.originator_version > wanted.version {limited}"
                    "ORDER BY e.originator_id, e.originator_version",
                    [value for pair in some for value in pair],
                )
                rows += cursor.fetchall()
        for stream_id, version, topic, state in rows:
            yield StoredEvent(uuid_of_hex(stream_id), version, topic, state)

    def select_log(self, after: int, limit: int) -> Sequence[LogRow]:
        """See `Store`. Without the library's objects, which whoever follows has no use for."""
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

    def last_of_each(self, topics: Iterable[str]) -> Sequence[LogRow]:
        """See `Store`. By the index of the topics, which has the positions as well."""
        statement = (
            "SELECT rowid, originator_id, originator_version, topic, state "
            f"FROM {self.events_table_name} WHERE topic = ? ORDER BY rowid DESC LIMIT 1"
        )
        rows: list[Any] = []
        with self.datastore.transaction(commit=False) as cursor:
            for topic in topics:
                cursor.execute(statement, (topic,))
                rows += cursor.fetchall()
        return [
            (uuid_of_hex(stream_id), version, topic, state, position)
            for position, stream_id, version, topic, state in rows
        ]

    def count_log(self, part: Part) -> Found:
        """See `Store`."""
        return found_in(self.rows(*by_topic(self.events_table_name, "rowid", part, IN_SQLITE)))

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        rows: Iterable[Change] = (),
        **_: Any,
    ) -> Sequence[int] | None:
        """See `Store`."""
        with told_apart():
            return SQLiteProcessRecorder.insert_events(self, stored_events, tracking=tracking, rows=rows)

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        *,
        rows: Iterable[Change] = (),
        **kwargs: Any,
    ) -> Sequence[int] | None:
        positions = super()._insert_events(c, stored_events, **kwargs)
        for change in rows:
            c.executemany(sqlite_statement(change), change.rows)
        return positions

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """See `Store`."""
        statement = (
            f"SELECT rowid AS position, * FROM {self.events_table_name} WHERE originator_id = :stream "
            "AND originator_version >= :first AND originator_version <= :last ORDER BY originator_version"
        )
        rows = self.rows(statement, {"stream": stream_id.hex, "first": first, "last": last or 2**62})
        return [
            Notification(stream_id, row["originator_version"], row["topic"], row["state"], row["position"])
            for row in rows
        ]

    def _plain_search(self, _: Mapper[UUID]) -> EventSearch:
        return SqliteSearch(self)

    def inspection(self) -> SqliteInspection:
        """See `Store`."""
        return SqliteInspection(self.datastore, self.events_table_name)

    def try_to_write(self) -> None:
        """See `Store`. The file's header is written as it is."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("PRAGMA user_version = 0")

    def why_unwritable(self) -> str | None:
        """See `Store`."""
        return self.datastore.why_unwritable()


_STREAMS_AT_ONCE = 400
"""So many that SQLite takes them as parameters of one statement."""
