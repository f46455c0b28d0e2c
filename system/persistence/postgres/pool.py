"""One pool of connections a process and database, shared by all applications.

While the database is away nobody waits long: the first to notice waits for a connection for a second,
everybody after that only a moment, until somebody has succeeded.
"""

import contextlib
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import eventsourcing.persistence as library
import psycopg
import psycopg_pool
from eventsourcing.postgres import PostgresDatastore
from psycopg import Connection
from psycopg.rows import TupleRow, tuple_row

from system.persistence.agreement import REFUSED, LogDisagrees
from system.persistence.conflicts import is_refusal, meaning_of

from .answers import PoliteConnection, connection_class
from .notifier import Notifier

PATIENCE = 1.0
"""Seconds to wait for a connection."""

PATIENCE_WHILE_AWAY = 0.25
"""Seconds to wait for a connection when the last who waited did so in vain."""

RECONNECT_FOR_SECONDS = 0.5
"""The pool gives up soon, so that whoever asks next tries at once. Left alone it would wait twice as long
after each failure, and find a database that is back only after as long as it was away."""

_lock = threading.Lock()
_shared: dict[tuple[tuple[str, Any], ...], "Pool"] = {}


class Pool:
    """The connections to one database. `open` hands it out, `close` takes it back from one user."""

    def __init__(
        self, key: tuple[tuple[str, Any], ...], sizes: tuple[int, int], statement_timeout: int
    ) -> None:
        self._key = key
        self._users = 0
        self._is_away = False
        self._replaced_at = 0.0
        self.notifier = Notifier(self._send)
        self._pool = psycopg_pool.ConnectionPool[PoliteConnection](
            connection_class=connection_class(statement_timeout, self._distrust),
            kwargs={**dict(key), "row_factory": tuple_row, "autocommit": True},
            min_size=sizes[0],
            max_size=sizes[1],
            open=False,
            timeout=PATIENCE,
            reconnect_timeout=RECONNECT_FOR_SECONDS,
        )

    @classmethod
    def open(cls, parameters: dict[str, Any], sizes: tuple[int, int], statement_timeout: int = 0) -> "Pool":
        """The pool of this process for these connection parameters, made if need be.

        `statement_timeout` is the server's limit that is among the parameters, in seconds.
        """
        key = tuple(sorted(parameters.items()))
        with _lock:
            pool = _shared.get(key)
            if pool is None:
                pool = _shared[key] = cls(key, sizes, statement_timeout)
                pool._pool.open()
            pool._users += 1
            return pool

    def close(self) -> None:
        """One user is done; the last one closes the connections."""
        with _lock:
            self._users -= 1
            if self._users:
                return
            del _shared[self._key]
        self.notifier.stop()
        self._pool.close()

    def _distrust(self) -> None:
        """Replace every connection: what made one of them silent, or ended it, may have met the others as
        well, and whoever asks once more would get another of those."""
        self._replaced_at = time.monotonic()
        self._pool.drain()

    def _send(self, channels: Collection[str]) -> None:
        with self.connection() as connection:
            connection.execute(
                "SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel", (list(channels),)
            )

    @contextmanager
    def connection(self) -> Iterator[Connection[TupleRow]]:
        """A connection in autocommit mode. Errors are the library's. It is given back rolled back
        and is thrown away when it is broken."""
        with translated():
            try:
                connection = self._pool.getconn(PATIENCE_WHILE_AWAY if self._is_away else PATIENCE)
            except psycopg_pool.PoolTimeout:
                self._is_away = True
                raise
            self._is_away = False
            try:
                yield connection
            except psycopg.OperationalError:
                if connection.broken and connection.made_at > self._replaced_at:
                    self._distrust()
                raise
            finally:
                self._pool.putconn(connection)


_TRANSLATED: dict[type[psycopg.Error], type[Exception]] = {
    psycopg.OperationalError: library.OperationalError,
    psycopg.InterfaceError: library.InterfaceError,
    psycopg.DataError: library.DataError,
    psycopg.InternalError: library.InternalError,
    psycopg.ProgrammingError: library.ProgrammingError,
    psycopg.NotSupportedError: library.NotSupportedError,
    psycopg.DatabaseError: library.DatabaseError,
    psycopg.Error: library.PersistenceError,
}


class translated(contextlib.AbstractContextManager[None]):
    """Raises the library's error in the place of the driver's."""

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """See `contextlib.AbstractContextManager`."""
        if is_refusal(error):
            raise LogDisagrees(REFUSED) from error
        if isinstance(error, psycopg.IntegrityError):
            raise meaning_of(error) from error
        if isinstance(error, psycopg.Error):
            theirs = next(ours for base, ours in _TRANSLATED.items() if isinstance(error, base))
            raise theirs(str(error)) from error


class Datastore(PostgresDatastore):
    """What the library's recorders ask for connections; they come from the shared pool."""

    def __init__(self, pool: Pool, schema: str) -> None:
        # Not the library's: it would open a pool for each application.
        self.shared = pool
        self.schema = schema
        self.single_row_tracking = True
        self.originator_id_type = "uuid"
        self.enable_db_functions = False
        self.lock_timeout = 0
        self.db_type_names = set[str]()
        self._is_closed = False

    def register_type_adapters(self) -> None:
        """Nothing: events are passed as arrays, not as values of a composite type."""

    def get_connection(self) -> Any:
        """A connection, as the library's recorders use it."""
        return self.shared.connection()

    def close(self) -> None:
        """Give the pool back."""
        if not self._is_closed:
            self._is_closed = True
            self.shared.close()

    def __del__(self) -> None:
        """Nothing; whoever opened it closes it."""
