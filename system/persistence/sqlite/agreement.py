"""Agreement of followers and logs in SQLite files, see `agreement`.

The library writes its table of positions without naming columns, so the marks stand beside it.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, PersistenceError, Tracking
from eventsourcing.sqlite import SQLiteCursor

from system.persistence.agreement import REFUSED, KeepsAgreement, agreement_tables
from system.persistence.sql import for_sqlite
from system.persistence.tables import Change, Step, Table, sqlite_statement

# A mark may stand where no position is yet: that of a log which was set back before it was ever read.
_CHECKPOINT = """
SELECT (SELECT max(notification_id) FROM tracking WHERE application_name = :leader) AS position,
(SELECT mark FROM marks WHERE application_name = :leader) AS mark
"""

_MARK = (
    "INSERT INTO marks VALUES (:leader, :mark) ON CONFLICT (application_name) DO UPDATE "
    "SET mark = :mark WHERE marks.mark IS :before RETURNING 1"
)


def agreement_statements(events: str) -> list[str]:
    """Statements that make what is not there yet: the tables, and the trigger that refuses events."""
    noted, done = agreement_tables("")
    trigger = (
        f"CREATE TRIGGER IF NOT EXISTS {events}_refused BEFORE INSERT ON {events} "
        f"WHEN EXISTS (SELECT 1 FROM {noted.name}) BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    )
    return [
        "CREATE TABLE IF NOT EXISTS marks (application_name TEXT PRIMARY KEY, mark TEXT)",
        *(for_sqlite(table.create_statement) for table in (noted, done)),
        trigger,
    ]


def move_mark(cursor: SQLiteCursor, tracking: Tracking, mark: str, before: str | None) -> None:
    """Keep the mark of a position. Raises `IntegrityError` when another one is kept than before."""
    cursor.execute(_MARK, {"leader": tracking.application_name, "mark": mark, "before": before})
    if cursor.fetchone() is None:
        raise IntegrityError(f"the position in {tracking.application_name} was moved by somebody else")


class SqliteAgreement(KeepsAgreement):
    """The part of `AgreementStore` that is SQLite's own."""

    datastore: Any
    events_table_name: str
    tracking = "tracking"

    def present_streams(self, stream_ids: Sequence[UUID]) -> set[UUID]:
        """See `AgreementStore`."""
        names = {f"id_{number}": stream_id.hex for number, stream_id in enumerate(stream_ids)}
        statement = (
            f"SELECT DISTINCT originator_id FROM {self.events_table_name} "
            f"WHERE originator_id IN (:{', :'.join(names)})"
        )
        return {UUID(row["originator_id"]) for row in self.rows(statement, names)}

    def try_changes(self, tables: Iterable[Table], changes: Iterable[Change]) -> float:
        """See `KeepsAgreement`. Temporary tables come before others of the same name."""
        with self.datastore.transaction(commit=False) as cursor:
            for table in tables:
                statement = for_sqlite(table.create_statement)
                cursor.execute(statement.replace("CREATE TABLE IF NOT EXISTS", "CREATE TEMPORARY TABLE"))
            began = time.perf_counter()
            for change in changes:
                cursor.executemany(sqlite_statement(change), change.rows)
            return time.perf_counter() - began

    def bytes_of(self, table: Table) -> int | None:
        """See `KeepsAgreement`. Not every SQLite can tell."""
        statement = (
            "SELECT sum(pgsize) AS size FROM dbstat WHERE name IN "
            "(SELECT name FROM sqlite_schema WHERE tbl_name = :table)"
        )
        try:
            (found,) = self.rows(statement, {"table": table.name})
        except PersistenceError:
            return None
        return int(found["size"] or 0)

    def checkpoint(self, leader: str) -> tuple[int, str | None]:
        """See `AgreementStore`."""
        (found,) = self.rows(_CHECKPOINT, {"leader": leader})
        return found["position"] or 0, found["mark"]

    def restart_steps(self, leaders: Sequence[str], nonce: str) -> list[Step]:
        """See `KeepsAgreement`."""
        steps: list[Step] = []
        for leader in leaders:
            names = {"leader": leader, "nonce": nonce}
            steps += [
                ("UPDATE tracking SET notification_id = 0 WHERE application_name = :leader", names),
                ("INSERT OR REPLACE INTO marks VALUES (:leader, :nonce)", names),
            ]
        return steps
