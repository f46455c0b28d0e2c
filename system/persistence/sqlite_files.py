"""Connections to SQLite files that were opened while the files could not be written.

SQLite opens such a file for reading, says nothing, and stays with that for as long as the connection
lives, whatever becomes of the file. So a connection that failed because of its file is closed, with
all that are idle beside it, and what comes next opens the file anew.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.persistence import OperationalError
from eventsourcing.sqlite import SQLiteConnection, SQLiteDatastore

_OF_THE_FILE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)


class Datastore(SQLiteDatastore):
    """The library's, over the pool of one that it has made, with a fresh start after a fault of the file."""

    def __init__(self, made: SQLiteDatastore) -> None:
        # Not the library's: it would make another pool.
        self._made = made  # which closes the pool when it is no longer there
        self.pool = made.pool
        self.single_row_tracking = made.single_row_tracking
        self.originator_id_type = made.originator_id_type

    @contextmanager
    def get_connection(self, *, commit: bool) -> Iterator[SQLiteConnection]:
        """See `SQLiteDatastore`."""
        with super().get_connection(commit=commit) as connection:
            try:
                yield connection
            except (OperationalError, sqlite3.OperationalError) as error:
                if _is_of_the_file(error) and not self.pool.is_sqlite_memory_mode:
                    self._open_anew(connection)
                raise

    def why_unwritable(self) -> str | None:
        """Why the file cannot be written; None when it can, or is only in use."""
        try:
            with self.transaction(commit=False) as cursor:  # to begin with IMMEDIATE would not complain
                cursor.execute("PRAGMA user_version")
                cursor.execute(f"PRAGMA user_version = {cursor.fetchone()[0]}")
        except OperationalError as error:
            return str(error) if _is_of_the_file(error) else None
        return None

    def _open_anew(self, failed: SQLiteConnection) -> None:
        failed.close()
        idle = self.pool._pool
        with self.pool._put_condition:
            while idle:
                idle.popleft().close()


def _is_of_the_file(error: Exception) -> bool:
    cause = error if isinstance(error, sqlite3.Error) else error.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _OF_THE_FILE
