"""Looking at the rows of a log in a PostgreSQL table, the library's or a tuned one."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.rows import tuple_row

from system.persistence.inspection import Inspection, Place, StoredRow

from .answers import Pace, at_pace


class PostgresInspection(Inspection):
    """By the index of positions, and by that of streams and versions."""

    burns_positions = True

    def __init__(self, datastore: Any, table: str, *, durable: str = "", is_described: bool = False) -> None:
        """`durable` is what has every row wait until it is on disk, `is_described` whether the table has
        columns by which events are searched."""
        self._datastore = datastore
        self._table = f'"{datastore.schema}".{table}'
        self._first_column = durable or "NULL"
        self._is_described = is_described

    def page(self, after: int, last: int, limit: int) -> Sequence[StoredRow]:
        """See `Inspection`."""
        described = ", correlation_id, user_id, recorded_at" if self._is_described else ""
        found = self._read(
            f"SELECT {self._first_column}, notification_id, originator_id, originator_version, topic, state"
            f"{described} FROM {self._table} WHERE notification_id > %b AND notification_id <= %b "
            "ORDER BY notification_id LIMIT %b",
            (after, last, limit),
        )
        if self._is_described:
            return [StoredRow(row[1], row[2], row[3], row[4], row[5], row[6:]) for row in found]
        return [StoredRow(*row[1:]) for row in found]

    def count(self, first: int, last: int) -> int:
        """See `Inspection`."""
        statement = f"SELECT count(*) FROM {self._table} WHERE notification_id BETWEEN %b AND %b"
        return sum(
            int(self._read(statement, (begin, min(begin + _COUNTED_AT_ONCE - 1, last)))[0][0])
            for begin in range(first, last + 1, _COUNTED_AT_ONCE)
        )

    def positions_of(self, places: Iterable[Place]) -> dict[Place, int]:
        """See `Inspection`."""
        wanted = list(places)
        found = self._read(
            "SELECT e.originator_id, e.originator_version, e.notification_id "
            "FROM unnest(%b::uuid[], %b::bigint[]) AS wanted(id, version) "
            f"JOIN {self._table} AS e ON e.originator_id = wanted.id "
            "AND e.originator_version = wanted.version",
            ([stream_id for stream_id, _ in wanted], [version for _, version in wanted]),
        )
        return {(stream_id, version): position for stream_id, version, position in found}

    def _read(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        with at_pace(Pace.SLOW), self._datastore.get_connection() as connection:
            cursor = connection.cursor(binary=True, row_factory=tuple_row)
            return list(cursor.execute(statement.encode(), parameters).fetchall())


_COUNTED_AT_ONCE = 2_000_000
"""So many positions are counted in one statement, which takes about a second."""
