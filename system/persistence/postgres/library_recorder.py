"""The store in PostgreSQL with the library's own module, `eventsourcing.postgres`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Mapper, Notification, StoredEvent, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier, Literal

from system.persistence.agreement import Checkpoint
from system.persistence.conflicts import told_apart
from system.persistence.counting import Found, Part, by_position, found_in
from system.persistence.search import EventSearch
from system.persistence.store import Store
from system.persistence.tables import Change, postgres_parameters, postgres_statement

from .agreement import PostgresAgreement
from .answers import Pace, at_pace, once_more
from .heads import ABOVE_THE_HEAD, IS_ABOVE_THE_HEAD
from .heartbeats import PostgresHeartbeats
from .inspection import PostgresInspection
from .library_search import PostgresSearch
from .probing import try_postgres
from .tables import PostgresTables


def _tried_twice(method: Any) -> Any:
    """A reading method of the library's recorder, tried once more instead of nine times.

    Each try of an outage waits for a connection until it times out: ten would keep a request, and
    whoever asks whether this process is ready, for most of a minute. One more is enough for a
    connection that the database had closed meanwhile.
    """
    return once_more(method.__wrapped__)


class PostgresRecorder(PostgresTables, PostgresAgreement, PostgresHeartbeats, Store, PostgresProcessRecorder):
    """Events and rows in tables of a PostgreSQL database."""

    _durable = ""
    _is_described = False

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
            self.create_tables([self.heartbeat_table])

    def _create_table(self, curs: Cursor[DictRow]) -> None:
        curs.execute("SET LOCAL statement_timeout = 0")
        super()._create_table(curs)

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        rows: Iterable[Change] = (),
        **_: Any,
    ) -> Sequence[int] | None:
        """Append in one plain transaction: position, rows, events.

        The library sends them through psycopg's pipeline mode, which hangs for ever once about a
        megabyte is under way (psycopg issue 685); a page of events easily is that large. Nor is
        anything retried here: an outage fails fast, and whoever asked decides.
        """
        with told_apart(), self.datastore.transaction(commit=True) as cursor:
            self._insert_events(cursor, stored_events, tracking=tracking, rows=rows)
            if not stored_events:
                return []
            self._insert_stored_events(cursor, stored_events)
            return self._fetch_ids_after_insert_events(cursor, stored_events)

    def _insert_tracking(self, curs: Cursor[DictRow], tracking: Tracking) -> None:
        super()._insert_tracking(curs, tracking)
        if isinstance(tracking, Checkpoint) and self.datastore.single_row_tracking:
            self.move_mark(curs, tracking, tracking.mark, tracking.before)

    def _insert_events(
        self,
        curs: Cursor[DictRow],
        stored_events: Sequence[StoredEvent],
        *,
        rows: Iterable[Change] = (),
        **kwargs: Any,
    ) -> None:
        super()._insert_events(curs, stored_events, **kwargs)
        for change in rows:
            statement = postgres_statement(change, self.datastore.schema)
            curs.execute(statement.encode(), postgres_parameters(change), prepare=True)

    def select_streams(self, after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
        """See `Store`. Each stream is looked up by itself, see `TunedRecorder.streams_statement`."""
        statement = SQL(
            "SELECT e.originator_id, e.originator_version, e.topic, e.state "
            "FROM unnest(%s::uuid[], %s::bigint[]) AS wanted(id, version) CROSS JOIN LATERAL ("
            "SELECT originator_id, originator_version, topic, state FROM {schema}.{table} "
            "WHERE originator_id = wanted.id AND originator_version > wanted.version "
            "ORDER BY originator_version LIMIT %s) AS e ORDER BY e.originator_id, e.originator_version"
        ).format(schema=Identifier(self.datastore.schema), table=Identifier(self.events_table_name))
        with self.datastore.cursor() as cursor:
            cursor.execute(statement, (list(after), list(after.values()), at_most), binary=True)
            return [StoredEvent(**row) for row in cursor.fetchall()]

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """See `Store`."""
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

    def count_log(self, part: Part) -> Found:
        """See `Store`."""
        statement, values = by_position(f"@{self.events_table_name}", "notification_id", part)
        return found_in(self.rows(statement, values))

    def _plain_search(self, mapper: Mapper[UUID]) -> EventSearch:
        return PostgresSearch(self, mapper)

    def inspection(self) -> PostgresInspection:
        """See `Store`."""
        name, durable = self.events_table_name, self._durable
        return PostgresInspection(self.datastore, name, durable=durable, is_described=self._is_described)

    def try_to_write(self) -> None:
        """See `Store`, and `probing`."""
        try_postgres(self)
