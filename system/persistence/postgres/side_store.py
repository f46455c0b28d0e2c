"""A side store in a PostgreSQL database."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from eventsourcing.utils import Environment
from psycopg import Cursor
from psycopg.rows import DictRow, dict_row

from system.persistence.side_store import SideStore
from system.persistence.tables import Table

from .answers import Pace, at_pace, once_more
from .factory import connection_parameters, schema_of, statement_timeout_of
from .pool import Datastore, Pool
from .tables import PostgresTables

_MAKING = 0x6F77207369646573  # "ow sides"


class _DictDatastore(Datastore):
    """One whose rows are dicts."""

    @contextmanager
    def cursor(self) -> Iterator[Cursor[DictRow]]:
        with self.get_connection() as connection:
            # Binary, as bytes that come as text take several times as long.
            yield connection.cursor(row_factory=dict_row, binary=True)

    @contextmanager
    def transaction(self, *, commit: bool = False) -> Iterator[Cursor[DictRow]]:
        with self.get_connection() as connection, connection.transaction(force_rollback=not commit):
            yield connection.cursor(row_factory=dict_row)


class PostgresSideStore(PostgresTables, SideStore):
    """Tables in the database that the environment names. Where the tuned module connects alike they
    share its pool of connections."""

    rows = once_more(PostgresTables.rows)

    def __init__(self, env: Environment, sizes: tuple[int, int]) -> None:
        """`sizes` are those of a pool that has to be made: connections kept open, and at most."""
        pool = Pool.open(connection_parameters(env), sizes, statement_timeout_of(env))
        self.datastore = _DictDatastore(pool, schema_of(env))

    def create_tables(self, tables: Iterable[Table]) -> None:
        """See `SideStore`. Of several processes that find nothing there, one makes it."""
        tables = list(tables)
        with self.datastore.cursor() as cursor:
            if not self._lacks(cursor, tables):
                return
        with at_pace(Pace.ENDLESS), self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SET LOCAL lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            if self._lacks(cursor, tables):
                self._create_tables(cursor, tables)

    def _lacks(self, cursor: Cursor[DictRow], tables: Iterable[Table]) -> bool:
        return any(set(table.columns) - self._columns_of(cursor, table) for table in tables)

    def close(self) -> None:
        """See `SideStore`."""
        self.datastore.close()
