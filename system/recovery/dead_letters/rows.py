"""What changes would make of rows, computed without writing anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from system.followers.projection import Projection
from system.persistence.tables import Change, Changes, Table, removes

Row = dict[str, Any]


@dataclass(frozen=True)
class RowChange:
    """What would become of a row: for each column that changes its value ``from`` and ``to``. A row
    that `is_new` is not there yet, one that `is_removed` would be there no more."""

    table: str
    key: Mapping[str, Any]
    is_new: bool
    columns: Mapping[str, Mapping[str, Any]]
    is_removed: bool = False


class Rows:
    """The rows of a projection as they would be: what is stored, and over it what was tried here."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._rows: dict[tuple[str, tuple[Any, ...]], Row | None] = {}

    def apply(self, changes: Changes) -> list[RowChange]:
        """What the changes of one event would do; the next ones are seen on top of it."""
        return [
            found
            for change in changes
            for values in change.rows
            if (found := self._applied(change, values)) is not None
        ]

    def _applied(self, change: Change, values: tuple[Any, ...]) -> RowChange | None:
        table = change.table
        key = dict(zip(table.key, values, strict=False))
        given = dict(zip(change.columns, values[len(table.key) :], strict=True))
        before = self._row(table, key)
        if removes(change):
            self._rows[table.name, tuple(key.values())] = None
            return None if before is None else RowChange(table.name, key, False, {}, is_removed=True)
        after = _after(change, before, key, given)
        if after is None:
            return None
        self._rows[table.name, tuple(key.values())] = after
        old = before or {}
        columns = {
            name: {"from": old.get(name), "to": value}
            for name, value in after.items()
            if name not in key and old.get(name) != value
        }
        if before is not None and not columns:
            return None
        return RowChange(table.name, key, before is None, columns)

    def _row(self, table: Table, key: Row) -> Row | None:
        place = (table.name, tuple(key.values()))
        if place not in self._rows:
            matches = " AND ".join(f"{name} = :{name}" for name in key)
            found = self._projection.rows(f"SELECT * FROM @{table.name} WHERE {matches}", **key)
            self._rows[place] = dict(found[0]) if found else None
        return self._rows[place]


def _after(change: Change, before: Row | None, key: Row, given: Row) -> Row | None:
    """The row after a change, as `system.persistence.tables` says it; None when it would stay as it is."""
    table = change.table
    if before is None:
        return {**dict.fromkeys(table.columns), **key, **given} if change.inserts else None
    newest_by = table.newest_by
    if newest_by is not None and before[newest_by] >= given[newest_by]:
        return None
    guarded = {
        name: table.guards[name].after(before[name], value) if name in table.guards else value
        for name, value in given.items()
    }
    return {**before, **guarded, **{name: before[source] for name, source in change.copies}}
