"""Tables beside the library's in an SQLite file."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from system.persistence.sql import for_sqlite
from system.persistence.tables import Step, Table


class SqliteTables:
    """Makes, reads and changes tables."""

    datastore: Any

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Create tables, columns and indexes that are not there yet."""
        with self.datastore.transaction(commit=True) as cursor:
            for table in tables:
                cursor.execute(for_sqlite(table.create_statement))
                cursor.execute(f"PRAGMA table_info({table.name})")
                present = {row["name"] for row in cursor.fetchall()}
                for name, kind in table.columns.items():
                    if name not in present:
                        cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")
                for statement in (*table.drop_statements(present), *table.index_statements()):
                    cursor.execute(for_sqlite(statement))
                if table.leftover is not None:  # a file that cannot be written now may be read all the same
                    cursor.execute(f"SELECT 1 FROM {table.name} WHERE {table.leftover} LIMIT 1")
                    if cursor.fetchone() is not None:
                        cursor.execute(f"DELETE FROM {table.name} WHERE {table.leftover}")

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a query gives."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(for_sqlite(statement), parameters)
            return [dict(row) for row in cursor.fetchall()]

    def transact(self, steps: Sequence[Step], *, however_long: bool = False) -> None:  # noqa: ARG002 - all may
        """Take these steps in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            for statement, parameters in steps:
                cursor.execute(for_sqlite(statement), parameters)
