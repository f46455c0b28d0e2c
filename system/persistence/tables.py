"""The tables of the read models, and what is to be changed in them.

A table is declared once, for every database. A projection says for each event which columns of
which row have a new value; the changes of a whole page are folded first, so that a row is written
once however many of the page's events were about it, and written in bulk, one statement for all
rows that have the same columns to set. Columns are set, never added to. A row that says nothing any
more is removed.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

FIRST_VERSION = 1
"""The version of a read model whose tables have their plain names."""


def at_version(name: str, version: int) -> str:
    """The name that a table or an index has in a version of its read model."""
    return name if version == FIRST_VERSION else f"{name}_v{version}"


Step = tuple[str, Mapping[str, Any]]
"""A statement as `sql` writes them, with its parameters."""


@dataclass(frozen=True)
class Guard:
    """A column that does not take every value: `sql` is its new value in terms of ``{present}`` and
    ``{given}``, and `after` says the same in Python, for two changes of one page."""

    sql: str
    after: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class SameAs:
    """Stands for the value that another column of the row has."""

    column: str


@dataclass(frozen=True)
class Table:
    """A table of a read model: its columns with their SQL types, the first of them its key.

    `newest_by` names a column that only rises: a change with a smaller value there is out of date
    and leaves the row as it is. `leftover` is the condition of rows that earlier releases kept and this
    one removes; `dropped_columns` and `dropped_indexes` are what they had and this one drops.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    indexes: Mapping[str, str] = field(default_factory=dict)
    guards: Mapping[str, Guard] = field(default_factory=dict)
    newest_by: str | None = None
    leftover: str | None = None
    dropped_columns: tuple[str, ...] = ()
    dropped_indexes: tuple[str, ...] = ()
    _copies: dict[int, "Table"] = field(default_factory=dict, init=False, repr=False, compare=False)

    def at(self, version: int) -> "Table":
        """The table of a version of its read model: 1 is this one, any other has a name of its own."""
        if version == FIRST_VERSION:
            return self
        if version not in self._copies:
            indexes = {at_version(name, version): what for name, what in self.indexes.items()}
            self._copies[version] = replace(
                self,
                name=at_version(self.name, version),
                indexes=indexes,
                leftover=None,  # no earlier release kept this one
                dropped_columns=(),
                dropped_indexes=(),
            )
        return self._copies[version]

    def type_of(self, column: str) -> str:
        """The type of a column, as PostgreSQL names it in lower case."""
        return self.columns[column].split()[0].lower()

    @property
    def create_statement(self) -> str:
        """The statement that makes the table where it is not there yet."""
        columns = [f"{name} {kind}" for name, kind in self.columns.items()]
        columns.append(f"PRIMARY KEY ({', '.join(self.key)})")
        return f"CREATE TABLE IF NOT EXISTS @{self.name} (\n    " + ",\n    ".join(columns) + "\n)"

    def add_columns_statements(self) -> Iterator[str]:
        """The statements that add what an earlier release did not have; on PostgreSQL."""
        for name, kind in self.columns.items():
            yield f"ALTER TABLE @{self.name} ADD COLUMN IF NOT EXISTS {name} {kind}"

    def drop_statements(self, present: Collection[str]) -> Iterator[str]:
        """The statements that drop what earlier releases had, when the table has these columns."""
        columns = [name for name in self.dropped_columns if name in present]
        for name in self.dropped_indexes if columns else ():  # SQLite drops no column that is in an index
            yield f"DROP INDEX IF EXISTS @{name}"
        for name in columns:
            yield f"ALTER TABLE @{self.name} DROP COLUMN {name}"

    def index_statements(self) -> Iterator[str]:
        """The statements that make the indexes where they are not there yet."""
        for name, what in self.indexes.items():
            yield f"CREATE INDEX IF NOT EXISTS {name} ON @{self.name} {what}"

    def tidying_statements(self) -> Iterator[str]:
        """The statements that remove what earlier releases kept."""
        if self.leftover is not None:
            yield f"DELETE FROM @{self.name} WHERE {self.leftover}"


class Change(NamedTuple):
    """All the rows of a table that have the same columns to set.

    `inserts` says whether rows that are not there yet are made. Each row has the values of the key
    first, then those of `columns`; `copies` names columns that take over the value of another. Without
    any columns the rows are removed.
    """

    table: Table
    inserts: bool
    columns: tuple[str, ...]
    copies: tuple[tuple[str, str], ...]
    rows: Sequence[tuple[Any, ...]]

    def at(self, version: int) -> Self:
        """The same change in the table of a version."""
        return self if version == FIRST_VERSION else self._replace(table=self.table.at(version))


class Changes:
    """What a page of events changes in the tables of its projection, folded row by row."""

    def __init__(self) -> None:
        self._pending: dict[str, tuple[Table, dict[tuple[Any, ...], tuple[bool, dict[str, Any]]]]] = {}

    def add(self, table: Table, values: dict[str, Any], *, inserts: bool) -> None:
        """Set columns of the row that has this key, which is among the values."""
        key = tuple([values.pop(name) for name in table.key])
        rows = self._pending.setdefault(table.name, (table, {}))[1]
        if key not in rows:
            rows[key] = inserts, values
            return
        inserts_already, pending = rows[key]
        if table.newest_by is not None and values[table.newest_by] <= pending[table.newest_by]:
            return
        for column, guard in table.guards.items():
            if column in values and column in pending:
                values[column] = guard.after(pending[column], values[column])
        pending.update(values)
        rows[key] = inserts or inserts_already, pending

    def remove(self, table: Table, key: dict[str, Any]) -> None:
        """Remove the row that has this key, if it is there. What is set in the page after that makes
        the row anew, so it has to set every column."""
        rows = self._pending.setdefault(table.name, (table, {}))[1]
        rows[tuple([key[name] for name in table.key])] = False, {}

    def __bool__(self) -> bool:
        """Whether there is anything to be changed."""
        return bool(self._pending)

    def __iter__(self) -> Iterator[Change]:
        """The changes in bulk. No row is in two of them, so their order does not matter."""
        for table, rows in self._pending.values():
            groups: dict[Any, list[tuple[Any, ...]]] = {}
            for key, (inserts, values) in rows.items():
                copies = _take_copies(values)
                groups.setdefault((inserts, tuple(values), copies), []).append((*key, *values.values()))
            for (inserts, columns, copies), group in groups.items():
                yield Change(table, inserts, columns, copies, group)


def _take_copies(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Put values in the place of those that are the same as another one; return what remains, taken
    out of the values: those that the database alone can tell."""
    copies = [(name, value.column) for name, value in values.items() if type(value) is SameAs]
    for name, source in copies:
        if source in values:
            values[name] = values[source]
    return tuple((name, source) for name, source in copies if source not in values and values.pop(name))


def removes(change: Change) -> bool:
    """Whether its rows are removed."""
    return not change.columns and not change.copies


def _new_values(change: Change, given: str) -> str:
    """The SET clause, when the given values are to be had from the row source `given`."""
    table = change.table
    clauses = []
    for column in change.columns:
        value = f"{given}.{column}"
        if column in table.guards:
            value = table.guards[column].sql.format(present=f"{table.name}.{column}", given=value)
        clauses.append(f"{column} = {value}")
    clauses += [f"{column} = {table.name}.{source}" for column, source in change.copies]
    return ", ".join(clauses)


def _unless_outdated(change: Change, given: str, keyword: str) -> str:
    newest_by = change.table.newest_by
    return f" {keyword} {change.table.name}.{newest_by} < {given}.{newest_by}" if newest_by else ""


def sqlite_statement(change: Change) -> str:
    """The statement for one row, with the values of the row as its parameters, in their order."""
    table = change.table
    if removes(change):
        return f"DELETE FROM {table.name} WHERE {' AND '.join(f'{name} = ?' for name in table.key)}"
    names = (*table.key, *change.columns)
    places = ", ".join("?" * len(names))
    if change.inserts:
        return (
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places}) "
            f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {_new_values(change, 'excluded')}"
            + _unless_outdated(change, "excluded", "WHERE")
        )
    given = ", ".join(f"? AS {name}" for name in names)
    matches = " AND ".join(f"{table.name}.{name} = given.{name}" for name in table.key)
    return (
        f"UPDATE {table.name} SET {_new_values(change, 'given')} FROM (SELECT {given}) AS given "
        f"WHERE {matches}" + _unless_outdated(change, "given", "AND")
    )


def postgres_statement(change: Change, schema: str) -> str:
    """The statement for all rows of the change, with one array for each column as parameters."""
    table = change.table
    names = (*table.key, *change.columns)
    arrays = ", ".join(f"%b::{table.type_of(name)}[]" for name in names)
    target = f'"{schema}".{table.name}'
    if change.inserts:
        return (
            f"INSERT INTO {target} ({', '.join(names)}) SELECT * FROM unnest({arrays}) "
            f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {_new_values(change, 'excluded')}"
            + _unless_outdated(change, "excluded", "WHERE")
        )
    matches = " AND ".join(f"{table.name}.{name} = given.{name}" for name in table.key)
    if removes(change):
        return f"DELETE FROM {target} USING unnest({arrays}) AS given({', '.join(names)}) WHERE {matches}"
    return (
        f"UPDATE {target} SET {_new_values(change, 'given')} "
        f"FROM unnest({arrays}) AS given({', '.join(names)}) WHERE {matches}"
        + _unless_outdated(change, "given", "AND")
    )


def postgres_parameters(change: Change) -> list[list[Any]]:
    """One array for each column."""
    return [list(column) for column in zip(*change.rows, strict=True)]
