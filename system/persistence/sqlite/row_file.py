"""A new SQLite file with the tables of a read model and nothing else, for a person to keep and query."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from system.persistence.sql import for_sqlite
from system.persistence.tables import Change, Table, sqlite_statement

_ITS_OWNERS_ALONE = 0o600


class RowFile:
    """Such a file while it is made: a draft beside its place, which only its owner may read.

    `keep` puts the finished file in its place; it replaces none that is there. Without it nothing is left
    behind, unless the process is killed: then the draft stays until a file of that name is made again.
    Raises `FileExistsError` when there is a file already, `BlockingIOError` while another process makes
    one of that name, and other kinds of `OSError` where none can be made or written.
    """

    def __init__(self, path: Path, tables: Sequence[Table]) -> None:
        self.path = path
        self.draft = path.with_name(f".{path.name}.part")
        self._tables = tables
        self._descriptor = -1

    def __enter__(self) -> Self:
        if os.path.lexists(self.path):
            raise FileExistsError(f"{self.path} is there already")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self.draft, flags, _ITS_OWNERS_ALONE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(self._descriptor)
            raise
        try:
            self._begin()
        except BaseException:
            self._clear_away()
            raise
        return self

    def _begin(self) -> None:
        os.ftruncate(self._descriptor, 0)  # of one that was killed
        os.fchmod(self._descriptor, _ITS_OWNERS_ALONE)
        self._connection = sqlite3.connect(self.draft, isolation_level=None)
        # Whatever goes wrong, all of it is thrown away: nothing has to be undone or waited for.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            self._connection.execute(f"PRAGMA {pragma}")
        for table in self._tables:
            self._connection.execute(for_sqlite(table.create_statement))

    def write(self, changes: Iterable[Change]) -> None:
        """Change rows."""
        with self._transaction() as connection:
            for change in changes:
                connection.executemany(sqlite_statement(change), change.rows)

    def add(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to a table."""
        names = list(table.columns)
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES (:{', :'.join(names)})"
        with self._transaction() as connection:
            connection.executemany(statement, rows)

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {
            table.name: self._connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]
            for table in self._tables
        }

    def keep(self) -> None:
        """Make the indexes, and put the file in its place. Raises `FileExistsError` when one has come there
        meanwhile."""
        with self._transaction() as connection:
            for table in self._tables:
                for statement in table.index_statements():
                    connection.execute(for_sqlite(statement))
        self._connection.close()
        os.fsync(self._descriptor)
        os.link(self.draft, self.path)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN")
            with self._connection:
                yield self._connection
        except sqlite3.OperationalError as error:
            is_full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            raise OSError(errno.ENOSPC if is_full else errno.EIO, str(error), str(self.path)) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            with suppress(sqlite3.Error):  # a statement that was interrupted may be in the way
                self._connection.close()
        finally:
            self._clear_away()

    def _clear_away(self) -> None:
        with suppress(FileNotFoundError):
            self.draft.unlink()
        os.close(self._descriptor)
