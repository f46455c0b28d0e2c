"""Searching the events in an SQLite file."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification
from eventsourcing.sqlite import SQLiteApplicationRecorder

from system.persistence.search import EventCriteria, IndexedSearch, in_time

from .indexes import CORRELATION, RECORDED, USER


class SqliteSearch(IndexedSearch):
    """By the indexes of `indexes`; where they are missing, by reading the table."""

    def __init__(self, recorder: SQLiteApplicationRecorder) -> None:
        self._recorder = recorder

    def statement(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int, *, sizes: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """The query, with its parameters, for events from a position to another, or for their sizes.

        It says which index to take, as SQLite knows nothing about the values: the conversation, or
        else the user, or else the type. A ``+`` keeps an index out. Each type is a query of its
        own, as each gives its events in order, and SQLite merges them without sorting.
        """
        values = _parameters(criteria) | {"first": positions[0], "last": positions[1], "limit": limit}
        conditions = ["rowid BETWEEN :first AND :last", *in_time(criteria, f"+{RECORDED}")]
        topic = "topic"
        if criteria.user is not None:
            conditions.append(f"{'' if criteria.correlation_id is None else '+'}{USER} = :user")
            topic = "+topic"
        if criteria.correlation_id is not None:
            conditions.append(f"{CORRELATION} = :correlation_id")
            topic = "+topic"
        names = [f"type_{number}" for number in range(len(criteria.types))]
        values |= dict(zip(names, criteria.types, strict=True))
        if topic == "topic":
            ways = [[*conditions, f"topic = :{name}"] for name in names] or [conditions]
        else:
            of_types = [f"+topic IN ({', '.join(f':{name}' for name in names)})"] if names else []
            ways = [[*conditions, *of_types]]
        table = self._recorder.events_table_name
        columns = "rowid AS position, " + ("length(state) AS size" if sizes else "*")
        parts = [f"SELECT {columns} FROM {table} WHERE {' AND '.join(way)}" for way in ways]
        return f"{' UNION ALL '.join(parts)} ORDER BY position LIMIT :limit", values

    def statement_of(self, positions: Sequence[int]) -> tuple[str, dict[str, Any]]:
        """The query for the events at these positions."""
        values = {f"position_{number}": position for number, position in enumerate(positions)}
        table, listed = self._recorder.events_table_name, ", ".join(f":{name}" for name in values)
        return f"SELECT rowid AS position, * FROM {table} WHERE rowid IN ({listed}) ORDER BY rowid", values

    def bounds_statement(self, criteria: EventCriteria, after: int) -> tuple[str, dict[str, Any]]:
        """The query for the first and last position at which the time is right."""
        conditions = " AND ".join(["+rowid > :after", *in_time(criteria, RECORDED)])
        table = self._recorder.events_table_name
        values = _parameters(criteria) | {"after": after}
        return f"SELECT min(rowid), max(rowid) FROM {table} WHERE {conditions}", values

    def _sizes(self, statement: str, values: dict[str, Any]) -> list[tuple[int, int]]:
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, values)
            return [(row["position"], row["size"]) for row in cursor.fetchall()]

    def _notifications(self, statement: str, values: dict[str, Any]) -> list[Notification]:
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, values)
            return [
                Notification(
                    UUID(row["originator_id"]),
                    row["originator_version"],
                    row["topic"],
                    row["state"],
                    row["position"],
                )
                for row in cursor.fetchall()
            ]

    def _first_and_last(self, criteria: EventCriteria, after: int) -> tuple[int | None, int | None]:
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute(*self.bounds_statement(criteria, after))
            first, last = cursor.fetchone()
            return first, last


def _parameters(criteria: EventCriteria) -> dict[str, Any]:
    return {
        "correlation_id": criteria.correlation_id,
        "user": criteria.user,
        "since": criteria.since and criteria.since.astimezone(UTC).isoformat(),
        "until": criteria.until and criteria.until.astimezone(UTC).isoformat(),
    }
