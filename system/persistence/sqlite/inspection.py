"""Looking at the rows of a log in an SQLite file."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from application.codec import uuid_of_hex
from system.persistence.inspection import Inspection, Place, StoredRow


class SqliteInspection(Inspection):
    """By rowids, which are the positions."""

    def __init__(self, datastore: Any, table: str) -> None:
        self._datastore = datastore
        self._table = table

    def page(self, after: int, last: int, limit: int) -> Sequence[StoredRow]:
        """See `Inspection`."""
        found = self._read(
            "SELECT rowid, originator_id, originator_version, topic, state "
            f"FROM {self._table} WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?",
            (after, last, limit),
        )
        return [
            StoredRow(position, uuid_of_hex(stream_id), version, topic, state)
            for position, stream_id, version, topic, state in found
        ]

    def count(self, first: int, last: int) -> int:
        """See `Inspection`. From the first to the last it is all there are, less those outside, which are
        few: SQLite counts all by the smallest index, and only some by the table itself."""
        outside = f"(SELECT count(*) FROM {self._table} WHERE rowid < ? OR rowid > ?)"
        return int(
            self._read(f"SELECT (SELECT count(*) FROM {self._table}) - {outside}", (first, last))[0][0]
            if first <= 1
            else self._read(f"SELECT count(*) FROM {self._table} WHERE rowid BETWEEN ? AND ?", (first, last))[
                0
            ][0]
        )

    def positions_of(self, places: Iterable[Place]) -> dict[Place, int]:
        """See `Inspection`."""
        wanted = [(stream_id.hex, version) for stream_id, version in places]
        if not wanted:
            return {}
        found = self._read(
            f"WITH wanted(id, version) AS (VALUES {', '.join(['(?, ?)'] * len(wanted))}) "
            "SELECT e.originator_id, e.originator_version, e.rowid FROM wanted "
            f"CROSS JOIN {self._table} AS e "
            "ON e.originator_id = wanted.id AND e.originator_version = wanted.version",
            [value for pair in wanted for value in pair],
        )
        return {(UUID(stream_id), version): position for stream_id, version, position in found}

    def _read(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        with self._datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
