"""Searching the events in the tuned tables."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import Notification

from system.persistence.search import EventCriteria, IndexedSearch, in_time

from .answers import Pace, at_pace
from .library_recorder import PostgresRecorder


class TunedSearch(IndexedSearch):
    """By the columns and indexes of the tuned tables."""

    def __init__(self, recorder: PostgresRecorder) -> None:
        self._recorder = recorder

    def statement(
        self, criteria: EventCriteria, positions: tuple[int, int], limit: int, *, sizes: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """The query, with its parameters, for events from a position to another, or for their sizes.
        PostgreSQL knows how often each value occurs and takes the index that fits."""
        conditions = ["notification_id BETWEEN :first AND :last", *in_time(criteria, "recorded_at")]
        if criteria.correlation_id is not None:
            conditions.append("correlation_id = :correlation_id")
        if criteria.user is not None:
            conditions.append("user_id = :user")
        if criteria.types:
            conditions.append("topic = ANY(:types)")
        columns = "notification_id AS position, octet_length(state) AS size" if sizes else _COLUMNS
        statement = (
            f"SELECT {columns} FROM @{self._recorder.events_table_name} WHERE {' AND '.join(conditions)} "
            "ORDER BY notification_id LIMIT :limit"
        )
        first, last = positions
        values = {**vars(criteria), "types": list(criteria.types), "first": first, "last": last}
        return statement, {**values, "limit": limit}

    def statement_of(self, positions: Sequence[int]) -> tuple[str, dict[str, Any]]:
        """The query for the events at these positions."""
        statement = (
            f"SELECT {_COLUMNS} FROM @{self._recorder.events_table_name} "
            "WHERE notification_id = ANY(:positions) ORDER BY notification_id"
        )
        return statement, {"positions": list(positions)}

    def bounds_statement(self, criteria: EventCriteria, after: int) -> tuple[str, dict[str, Any]]:
        """The query for the first and last position at which the time is right. (Without the sum
        PostgreSQL would look for them along the positions, past everything that is too early.)"""
        conditions = " AND ".join(["notification_id + 0 > :after", *in_time(criteria, "recorded_at")])
        statement = (
            "SELECT min(notification_id + 0) AS first, max(notification_id + 0) AS last "
            f"FROM @{self._recorder.events_table_name} WHERE {conditions}"
        )
        return statement, {"since": criteria.since, "until": criteria.until, "after": after}

    def _sizes(self, statement: str, values: dict[str, Any]) -> list[tuple[int, int]]:
        with at_pace(Pace.SLOW):
            return [(row["position"], row["size"]) for row in self._recorder.rows(statement, values)]

    def _notifications(self, statement: str, values: dict[str, Any]) -> list[Notification]:
        with at_pace(Pace.SLOW):
            return [Notification(**row) for row in self._recorder.rows(statement, values)]

    def _first_and_last(self, criteria: EventCriteria, after: int) -> tuple[int | None, int | None]:
        with at_pace(Pace.SLOW):
            (row,) = self._recorder.rows(*self.bounds_statement(criteria, after))
        return row["first"], row["last"]


_COLUMNS = "originator_id, originator_version, topic, state, notification_id AS id"
