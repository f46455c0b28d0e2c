"""Tells the store of snapshots what a process has counted, so that every other process can show it."""

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from system.persistence.tables import Step

from .figures import KEPT_LONG_REPLAYS, Figures
from .store import SnapshotsAway, SnapshotStore
from .tables import BE_SEEN, COUNT_UP, LEAVE, NOTE_LONG_REPLAY, TRIM_LONG_REPLAYS

FORGOTTEN_AFTER = timedelta(hours=1)
"""A process that was not heard of for so long is not listed any more."""


class Teller:
    """Tells it under the name of this process."""

    def __init__(self, store: SnapshotStore, figures: Figures, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._figures = figures
        self._clock = clock
        self._process = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"

    def tell(self, queue_length: int, *, is_leaving: bool = False) -> None:
        """What was counted since the last time, and how many snapshots are to be taken. Raises
        `SnapshotsAway`; then it is told the next time."""
        now = self._clock()
        seen_at, long_ago = (time.isoformat(timespec="microseconds") for time in (now, now - FORGOTTEN_AFTER))
        counts, long_replays = self._figures.take()
        steps: list[Step] = [
            (COUNT_UP, {"name": name, "topic": topic, "value": value})
            for (name, topic), value in sorted(counts.items())
        ]
        steps += [(NOTE_LONG_REPLAY, {**vars(replay), "seen_at": seen_at}) for replay in long_replays]
        if long_replays:
            steps.append((TRIM_LONG_REPLAYS, {"most": KEPT_LONG_REPLAYS}))
        here = {"process": self._process, "seen_at": seen_at, "queue_length": queue_length}
        if not is_leaving:
            steps.append((BE_SEEN, here))
        steps.append((LEAVE, {"process": self._process if is_leaving else "", "long_ago": long_ago}))
        try:
            self._store.transact(steps)
        except SnapshotsAway:
            self._figures.give_back(counts)
            raise
