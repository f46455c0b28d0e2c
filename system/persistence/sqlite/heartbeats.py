"""Heartbeats in SQLite files."""

from collections.abc import Sequence
from typing import Any

from system.persistence.heartbeats import (
    Beat,
    Heartbeat,
    HeartbeatStore,
    beat_statement,
    heartbeat_of,
    heartbeat_table,
    select_statement,
)
from system.persistence.sql import for_sqlite

HEARTBEATS = heartbeat_table("")


class SqliteHeartbeats(HeartbeatStore):
    """A heartbeat is left out while somebody else writes to the file."""

    datastore: Any
    rows: Any

    def beat(self, beats: Sequence[Beat]) -> bool:
        """See `HeartbeatStore`."""
        statement, values = beat_statement(HEARTBEATS, beats)
        return bool(self.datastore.write_if_free(for_sqlite(statement), values))

    def heartbeats(self) -> list[Heartbeat]:
        """See `HeartbeatStore`."""
        there = self.rows("SELECT 1 FROM sqlite_master WHERE name = :name", {"name": HEARTBEATS.name})
        return [heartbeat_of(row) for row in self.rows(select_statement(HEARTBEATS), {})] if there else []
