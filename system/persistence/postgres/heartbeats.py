"""Heartbeats in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import ProgrammingError

from system.persistence.heartbeats import (
    Beat,
    Heartbeat,
    HeartbeatStore,
    beat_statement,
    heartbeat_of,
    heartbeat_table,
    select_statement,
)
from system.persistence.tables import Table

_UNSYNCED = " RETURNING set_config('synchronous_commit', 'off', true)"
"""What is set so holds until the end of the statement, which is the end of its transaction."""


class PostgresHeartbeats(HeartbeatStore):
    """A heartbeat is one statement, a transaction of its own, and does not wait for the disk."""

    events_table_name: str
    rows: Any

    @property
    def heartbeat_table(self) -> Table:
        """The table that this application's are in."""
        return heartbeat_table(self.events_table_name.removesuffix("events"))

    def beat(self, beats: Sequence[Beat]) -> bool:
        """See `HeartbeatStore`."""
        statement, values = beat_statement(self.heartbeat_table, beats)
        self.rows(statement + _UNSYNCED, values)
        return True

    def heartbeats(self) -> list[Heartbeat]:
        """See `HeartbeatStore`."""
        try:
            return [heartbeat_of(row) for row in self.rows(select_statement(self.heartbeat_table), {})]
        except ProgrammingError:  # an earlier release has made the tables, or the role may not read this one
            return []
