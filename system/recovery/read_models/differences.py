"""What differs between two versions of a read model, in groups that a person can explain."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from system.followers.derived import Row
from system.persistence.tables import Table

from .side_by_side import Pair

KEYS_NAMED = 10
"""So many orders, or whatever the read model is about, are named of each group."""


class Kind(StrEnum):
    """How two versions can differ."""

    NEW = "new"
    """A column that has a value in the new version and in no row of the old one."""
    GONE = "gone"
    """A column that has a value in the old version and is not there in the new one."""
    CHANGED = "changed"
    """A column that has another value."""
    MISSING = "missing"
    """A row that the new version does not have."""
    EXTRA = "extra"
    """A row that the old version does not have."""
    UNSETTLED = "unsettled"
    """A row that changed so often that the versions were never seen alike, nor twice in the same way."""


@dataclass(frozen=True)
class Example:
    """One row of a group, named by its key: the value of the column, or the whole row, in the old version
    and in the new one."""

    key: Mapping[str, Any]
    before: Any
    after: Any


@dataclass(frozen=True)
class Group:
    """Rows that differ in the same way. `id` is what it is accepted by; `first` are the first orders, or
    products, that it concerns, and `rows` how many rows."""

    id: str
    kind: str
    table: str
    column: str | None
    rows: int
    first: tuple[str, ...]
    example: Example


@dataclass
class _Found:
    example: Example
    rows: int = 0
    first: dict[str, None] = field(default_factory=dict)


class Groups:
    """Sorts pairs of rows that differ into groups, whose ids say the table where there are several."""

    def __init__(self, *, names_tables: bool) -> None:
        self._found: dict[tuple[str, Kind, str | None], _Found] = {}
        self._names_tables = names_tables

    def add_new(self, table: Table, columns: Iterable[str], pair: Pair) -> None:
        """Note the values of columns that the old version does not have, and the other way round."""
        if pair.old is None or pair.new is None:
            return
        for column in columns:
            if pair.new.get(column) is not None:
                self._add(table, Kind.NEW, column, pair)
        for column in pair.old.keys() - pair.new.keys():
            if pair.old[column] is not None:
                self._add(table, Kind.GONE, column, pair)

    def add_different(self, table: Table, apart_from: Iterable[str], pair: Pair) -> None:
        """Note in what two rows differ, apart from some columns."""
        if pair.new is None:
            self._add(table, Kind.MISSING, None, pair)
        elif pair.old is None:
            self._add(table, Kind.EXTRA, None, pair)
        else:
            for column in different(pair, apart_from):
                self._add(table, Kind.CHANGED, column, pair)

    def add_unsettled(self, table: Table, pair: Pair) -> None:
        """Note a row that could not be compared."""
        self._add(table, Kind.UNSETTLED, None, pair)

    def __iter__(self) -> Iterator[Group]:
        """The groups, in the order of tables as they were found."""
        for (table, kind, column), found in self._found.items():
            name = ".".join(part for part in (table if self._names_tables else None, column) if part)
            yield Group(
                id=f"{kind}:{name}" if name else str(kind),
                kind=str(kind),
                table=table,
                column=column,
                rows=found.rows,
                first=tuple(found.first),
                example=found.example,
            )

    def _add(self, table: Table, kind: Kind, column: str | None, pair: Pair) -> None:
        place = table.name, kind, column
        if place not in self._found:
            key = dict(zip(table.key, pair.key, strict=True))
            self._found[place] = _Found(Example(key, _side(pair.old, column), _side(pair.new, column)))
        found = self._found[place]
        found.rows += 1
        if len(found.first) < KEYS_NAMED:
            found.first[str(pair.key[0])] = None


def different(pair: Pair, apart_from: Iterable[str]) -> list[str]:
    """The columns of which two rows that are there have another value."""
    old, new = pair.old or {}, pair.new or {}
    return [name for name in new if name in old and old[name] != new[name] and name not in apart_from]


def is_different(pair: Pair, apart_from: Iterable[str]) -> bool:
    """Whether two rows differ, apart from some columns."""
    if pair.old is None or pair.new is None:
        return pair.old is not pair.new
    return bool(different(pair, apart_from))


def _side(row: Row | None, column: str | None) -> Any:
    return row if row is None or column is None else row.get(column)
