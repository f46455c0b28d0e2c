"""A trial write: would the store take what a command has to store? Nothing grows by it.

It goes through the pool of the commands, looks whether the table of events can be locked as an append
locks it, writes a small temporary file where the tables are (on a full disk that fails), and commits
something empty, as durably as a command.
"""

from typing import Any

from eventsourcing.persistence import OperationalError
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg.sql import SQL, Identifier
from psycopg_pool import PoolTimeout

_LOCK = SQL(
    "BEGIN; SET LOCAL lock_timeout = '500ms'; LOCK TABLE {schema}.{table} IN ROW EXCLUSIVE MODE; ROLLBACK"
)
_SPILL = (
    "BEGIN; SET LOCAL work_mem = '64kB'; "
    "SELECT count(*) FROM (SELECT repeat(md5(n::text), 64) AS text FROM generate_series(1, 128) AS n "
    "ORDER BY text OFFSET 0) AS sorted; ROLLBACK"
)
"""Sorts 256 kB in a quarter of that, so it writes them to a file."""

_COMMIT = "SELECT pg_logical_emit_message(true, 'orderwright', '')"
_READ_ONLY = "SELECT current_setting('transaction_read_only') = 'on' AS is_read_only"
_WAITS = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event = 'SyncRep' AND query_start < clock_timestamp() - interval '2 seconds') AS waits"
)
"""Whether a commit has been waiting for a standby. Another one would wait as well, and its session would
stay on the server until the standby is back, even when we have given it up."""


class NoConnection(OperationalError):
    """No connection of the pool was free. Whether one would take a write is not known."""


def try_postgres(recorder: PostgresApplicationRecorder) -> None:
    """See `Store.try_to_write`."""
    table = {
        "schema": Identifier(recorder.datastore.schema),
        "table": Identifier(recorder.events_table_name),
    }
    try:
        with recorder.datastore.get_connection() as connection:
            cursor: Any = connection.cursor()
            if _only(cursor.execute(_READ_ONLY).fetchone()):
                raise OperationalError("the database takes no writes: it is read-only")
            if _only(cursor.execute(_WAITS).fetchone()):
                raise OperationalError("commits wait for a standby that does not answer")
            cursor.execute(_LOCK.format(**table), prepare=False)  # several statements in one
            cursor.execute(_SPILL, prepare=False)
            cursor.execute(_COMMIT)
    except OperationalError as error:
        if isinstance(error.__cause__, PoolTimeout):
            raise NoConnection(str(error)) from error
        raise


def _only(row: Any) -> bool:
    """The one value of a row, which is a dictionary or a tuple."""
    return bool(next(iter(row.values())) if isinstance(row, dict) else row[0])
