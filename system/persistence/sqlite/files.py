"""Connections to SQLite files that were opened while the files could not be written.

SQLite opens such a file for reading, says nothing, and stays with that for as long as the connection
lives, whatever becomes of the file. So a connection that failed because of its file is closed, with
all that are idle beside it, and what comes next opens the file anew.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.persistence import OperationalError
from eventsourcing.sqlite import SQLiteConnection, SQLiteDatastore

from system.persistence.full_disk import StoreFull, is_full

CLOSE_WITHIN_SECONDS = 2.0
"""So long whoever still uses a connection may go on; then it is interrupted, and has as long again."""

_OF_THE_FILE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)


class Datastore(SQLiteDatastore):
    """The library's, over the pool of one that it has made, with a fresh start after a fault of the file."""

    def __init__(self, made: SQLiteDatastore) -> None:
        # Not the library's: it would make another pool.
        self._made = made  # which closes the pool when it is no longer there
        self.pool = made.pool
        self.single_row_tracking = made.single_row_tracking
        self.originator_id_type = made.originator_id_type
        self._beside = BesideThePool(self.pool.db_name)

    @contextmanager
    def get_connection(self, *, commit: bool) -> Iterator[SQLiteConnection]:
        """See `SQLiteDatastore`. Raises `StoreFull` where the disk is full."""
        try:
            with super().get_connection(commit=commit) as connection:
                try:
                    yield connection
                except (OperationalError, sqlite3.OperationalError) as error:
                    if _is_of_the_file(error) and not self.pool.is_sqlite_memory_mode:
                        self._open_anew(connection)
                    raise
        except (OperationalError, sqlite3.OperationalError) as error:
            if is_full(error, self._folder):
                raise StoreFull(str(error)) from error
            if isinstance(error, sqlite3.OperationalError):  # let through where a file is opened
                raise OperationalError(error) from error
            raise

    def write_if_free(self, statement: str, parameters: Mapping[str, Any]) -> bool:
        """Write something that may get lost; False when somebody else is writing just now. It waits for
        nobody, and not for the disk."""
        if self.pool.is_sqlite_memory_mode:  # there is no disk, and the pool tells who may write
            with self.transaction(commit=True) as cursor:
                cursor.execute(statement, parameters)
            return True
        return self._beside.write_if_free(statement, parameters)

    def close(self) -> None:
        """Close every connection, each as soon as nobody uses it: SQLite crashes the process when one is
        closed while another thread is in the middle of a statement."""
        interrupt_at = time.monotonic() + CLOSE_WITHIN_SECONDS
        give_up_at = interrupt_at + CLOSE_WITHIN_SECONDS
        self._beside.close()
        returned = self.pool._put_condition
        with returned:
            while used := list(self.pool._in_use.values()):
                now = time.monotonic()
                if now > give_up_at:  # what is in use is left to the end of the process
                    self.pool._closed = True
                    return
                if now > interrupt_at:
                    for connection in used:
                        connection._sqlite_conn.interrupt()
                returned.wait(0.05)
            super().close()

    def why_unwritable(self) -> str | None:
        """Why the file cannot be written; None when it can, or is only in use."""
        try:
            with self.transaction(commit=False) as cursor:  # to begin with IMMEDIATE would not complain
                cursor.execute("PRAGMA user_version")
                cursor.execute(f"PRAGMA user_version = {cursor.fetchone()[0]}")
        except OperationalError as error:
            return str(error) if _is_of_the_file(error) else None
        return None

    @property
    def _folder(self) -> Path | None:
        return None if self.pool.is_sqlite_memory_mode else Path(self.pool.db_name).parent

    def _open_anew(self, failed: SQLiteConnection) -> None:
        failed.close()
        self._beside.close()
        idle = self.pool._pool
        with self.pool._put_condition:
            while idle:
                idle.popleft().close()


class BesideThePool:
    """A connection of its own for what may get lost: it never waits for the file's lock, and does not sync.
    (Whatever is synced later syncs it as well: the write-ahead log is written in its order.)

    It never makes a file, and is opened anew after whatever went wrong. Safe to use from many threads.
    """

    def __init__(self, db_name: str) -> None:
        self._name = (
            db_name if db_name.startswith("file:") else f"{Path(db_name).absolute().as_uri()}?mode=rw"
        )
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def write_if_free(self, statement: str, parameters: Mapping[str, Any]) -> bool:
        """See `Datastore`. Raises `OperationalError`, or `StoreFull`."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                self._connection.execute(statement, parameters)
            except sqlite3.Error as error:
                if _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    return False
                self._drop()
                kind = StoreFull if is_full(error) else OperationalError
                raise kind(str(error)) from error
            return True

    def close(self) -> None:
        """Close it; the next one who writes opens it again."""
        with self._lock:
            self._drop()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._name, uri=True, timeout=0, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = NORMAL")  # with OFF the file could be damaged
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _primary_code(error: BaseException | None) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if code is not None else None


def _is_of_the_file(error: Exception) -> bool:
    cause = error if isinstance(error, sqlite3.Error) else error.__cause__
    return _primary_code(cause) in _OF_THE_FILE
