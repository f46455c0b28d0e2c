"""Reads the rows of two versions of a read model side by side, in pages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from system.followers.derived import Row
from system.followers.projection import Projection
from system.persistence.postgres.answers import Pace, at_pace
from system.persistence.tables import Table

PAGE = 1000
KEYS_AT_ONCE = 100
"""So many rows are asked for by their keys in one statement."""
_ROOM = 10
"""A page that is read again up to where another one ends may have grown meanwhile."""

Key = tuple[Any, ...]


class Pair(NamedTuple):
    """A row in the old version and in the new one; None where there is none."""

    key: Key
    old: Row | None
    new: Row | None


class SideBySide:
    """Two versions of a read model."""

    def __init__(self, projection: Projection, old: int, new: int) -> None:
        self._projection = projection
        self._versions = (old, new)

    def pages(self, table: Table) -> Iterator[list[Pair]]:
        """All rows of a table, by key. The order of keys is the database's own: no key is compared here."""
        old, new = (table.at(version) for version in self._versions)
        after: Key | None = None
        while True:
            ours = self._page(old, after, None, PAGE)
            up_to = _key(table, ours[-1]) if len(ours) == PAGE else None
            theirs = self._page(new, after, up_to, PAGE)
            if len(theirs) == PAGE and _key(table, theirs[-1]) != up_to:
                up_to = _key(table, theirs[-1])
                ours = self._page(old, after, up_to, PAGE * _ROOM)
            yield _paired(table, ours, theirs)
            if up_to is None:
                return
            after = up_to

    def pairs(self, table: Table, keys: Sequence[Key]) -> Iterator[Pair]:
        """The rows that have these keys now; also of keys of which there is none in either."""
        old, new = (table.at(version) for version in self._versions)
        for first in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[first : first + KEYS_AT_ONCE]
            ours = {_key(table, row): row for row in self._of_keys(old, some)}
            theirs = {_key(table, row): row for row in self._of_keys(new, some)}
            for key in some:
                yield Pair(key, ours.get(key), theirs.get(key))

    def count(self, table: Table) -> int:
        """How many rows the version has that has more of them."""
        return max(
            int(self._rows(f"SELECT count(*) AS n FROM @{table.at(version).name}", {})[0]["n"])
            for version in self._versions
        )

    def columns_of_new_alone(self, table: Table) -> frozenset[str]:
        """The columns that have no value in any row of the old version, or are not there at all."""
        old = table.at(self._versions[0])
        found = self._rows(f"SELECT * FROM @{old.name} LIMIT 1", {})
        if not found:
            return frozenset()  # then rows are new, and not columns
        row = found[0]
        missing = table.columns.keys() - row.keys()
        empty = {
            name
            for name in row.keys() & table.columns.keys() - {*table.key}
            if row[name] is None
            and not self._rows(f"SELECT 1 AS one FROM @{old.name} WHERE {name} IS NOT NULL LIMIT 1", {})
        }
        return frozenset(missing | empty)

    def _page(self, table: Table, after: Key | None, up_to: Key | None, limit: int) -> list[Row]:
        names, conditions, values = ", ".join(table.key), [], {"limit": limit}
        for sign, bound, letter in ((">", after, "a"), ("<=", up_to, "z")):
            if bound is not None:
                named = {f"{letter}{number}": value for number, value in enumerate(bound)}
                conditions.append(f"({names}) {sign} (:{', :'.join(named)})")
                values |= named
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        return self._rows(f"SELECT * FROM @{table.name} {where}ORDER BY {names} LIMIT :limit", values)

    def _of_keys(self, table: Table, keys: Sequence[Key]) -> list[Row]:
        values = {f"k{row}x{part}": value for row, key in enumerate(keys) for part, value in enumerate(key)}
        parts = range(len(table.key))
        wanted = ", ".join(f"({', '.join(f':k{row}x{part}' for part in parts)})" for row in range(len(keys)))
        names = ", ".join(table.key)
        return self._rows(f"SELECT * FROM @{table.name} WHERE ({names}) IN (VALUES {wanted})", values)

    def _rows(self, statement: str, values: Mapping[str, Any]) -> list[Row]:
        with at_pace(Pace.SLOW):  # it is much that is read, and nobody waits for it
            return self._projection.recorder.rows(statement, values)


def _key(table: Table, row: Row) -> Key:
    return tuple(row[name] for name in table.key)


def _paired(table: Table, ours: Sequence[Row], theirs: Sequence[Row]) -> list[Pair]:
    others = {_key(table, row): row for row in theirs}
    pairs = [Pair(key := _key(table, row), row, others.pop(key, None)) for row in ours]
    return pairs + [Pair(key, None, row) for key, row in others.items()]
