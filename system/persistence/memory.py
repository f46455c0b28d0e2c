"""The store in memory."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent, Tracking
from eventsourcing.popo import POPOProcessRecorder

from .agreement import AlwaysAgrees
from .counting import Found, Part
from .heartbeats import Beat, Heartbeat
from .store import Store
from .tables import Change, Table


class InMemoryRecorder(AlwaysAgrees, Store, POPOProcessRecorder):
    """Events in memory, gone with the process. It holds no rows: read models use SQLite then. Nor can
    anything come between a log and its followers: both end with the process."""

    def __init__(self) -> None:
        super().__init__()
        self._beats: dict[str, tuple[Beat, int, float]] = {}

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        rows: Iterable[Change] = (),
        **_: Any,
    ) -> Sequence[int] | None:
        """See `Store`."""
        for change in rows:
            raise NotImplementedError(f"rows of {change.table.name} cannot be kept in memory")
        return POPOProcessRecorder.insert_events(self, stored_events, tracking=tracking)

    def create_tables(self, tables: Iterable[Table]) -> None:
        """See `Store`. There are none."""

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `Store`. There are none to be asked for."""
        raise NotImplementedError(f"there are no rows in memory: {statement}")

    def checkpoint(self, leader: str) -> tuple[int, str | None]:
        """See `AgreementStore`."""
        return self.max_tracking_id(leader) or 0, None

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """See `Store`."""
        with self._database_lock:
            index = self._stored_events_index[str(stream_id)]
            return [
                _notification(position + 1, self._stored_events[position])
                for version, position in index.items()
                if version >= first and (last is None or version <= last)
            ]

    def count_log(self, part: Part) -> Found:
        """See `Store`."""
        with self._database_lock:
            events = self._stored_events[part.after : part.last]
        wanted = [number for number, event in enumerate(events) if event.topic not in part.ignored]
        return Found(min(len(wanted), part.most), part.after + wanted[0] + 1 if wanted else None)

    def beat(self, beats: Sequence[Beat]) -> bool:
        """See `HeartbeatStore`."""
        for beat in beats:
            _, before, _ = self._beats.get(beat.leader, (beat, 0, 0.0))
            self._beats[beat.leader] = beat, before + 1, time.monotonic()
        return True

    def heartbeats(self) -> list[Heartbeat]:
        """See `HeartbeatStore`."""
        now = time.monotonic()
        return [
            Heartbeat(**vars(beat), sequence=sequence, age_seconds=max(now - at, 0.0))
            for beat, sequence, at in list(self._beats.values())
        ]

    def select_streams(self, after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
        """See `Store`. All are read as of one moment."""
        with self._database_lock:
            return [
                event
                for stream_id, version in after.items()
                for event in self.select_events(stream_id, gt=version, limit=at_most)
            ]


def _notification(position: int, stored: StoredEvent) -> Notification:
    return Notification(stored.originator_id, stored.originator_version, stored.topic, stored.state, position)
