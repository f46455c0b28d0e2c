"""Tables beside the library's in a PostgreSQL database."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from system.persistence.sql import for_postgres
from system.persistence.tables import Step, Table

from .answers import Pace, at_pace


class PostgresTables:
    """Makes, reads and changes tables, over a datastore whose rows are dicts."""

    datastore: Any

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Create tables, columns and indexes that are not there yet, however long that takes."""
        with at_pace(Pace.ENDLESS), self.datastore.transaction(commit=True) as cursor:
            self._create_tables(cursor, tables)

    def _create_tables(self, cursor: Cursor[DictRow], tables: Iterable[Table]) -> None:
        cursor.execute("SET LOCAL statement_timeout = 0")
        for table in tables:
            cursor.execute(self._sql(table.create_statement))
            present = self._columns_of(cursor, table)
            if present != set(table.columns):  # to alter would lock the table
                for statement in (*table.add_columns_statements(), *table.drop_statements(present)):
                    cursor.execute(self._sql(statement))
            for statement in (*table.index_statements(), *table.tidying_statements()):
                cursor.execute(self._sql(statement))

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a query gives."""
        with self.datastore.cursor() as cursor:
            found: list[dict[str, Any]] = cursor.execute(self._sql(statement), parameters).fetchall()
            return found

    def transact(self, steps: Sequence[Step], *, however_long: bool = False) -> None:
        """Take these steps in one transaction. One may take as long as other statements, or `however_long`
        it takes."""
        unlimited: list[Step] = [("SET LOCAL statement_timeout = 0", {})] if however_long else []
        pace = at_pace(Pace.ENDLESS) if however_long else nullcontext()
        with pace, self.datastore.transaction(commit=True) as cursor:
            for statement, parameters in (*unlimited, *steps):
                cursor.execute(self._sql(statement), parameters)

    def _columns_of(self, cursor: Cursor[DictRow], table: Table) -> set[str]:
        """The columns that a table has; none when there is no such table."""
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 "
            "AND NOT attisdropped",
            (f'"{self.datastore.schema}".{table.name}',),
        )
        return {row["attname"] for row in cursor.fetchall()}

    def _sql(self, statement: str) -> bytes:
        return for_postgres(statement, self.datastore.schema)
