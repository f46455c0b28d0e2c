"""What a process has counted about snapshots since it last told the store."""

import threading
from collections import Counter
from dataclasses import dataclass

HITS, MISSES, TAKEN, DROPPED, FAILED = "hits", "misses", "taken", "dropped", "failed"
"""Loads with a snapshot; loads of a long stream that had none; snapshots that were taken; those that were
not because the queue was full; those that could not be."""

KEPT_LONG_REPLAYS = 100


@dataclass(frozen=True)
class LongReplay:
    """An aggregate whose events took long to replay: how many of them, and how long."""

    application: str
    stream_id: str
    topic: str
    version: int
    events: int
    milliseconds: int


class Figures:
    """Counts, for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._long: dict[str, LongReplay] = {}

    def count(self, name: str, topic: str) -> None:
        """One more, of this kind of aggregate."""
        with self._lock:
            self._counts[name, topic] += 1

    def took_long(self, replay: LongReplay) -> None:
        """Remember a long replay, the latest of each stream."""
        with self._lock:
            if len(self._long) < KEPT_LONG_REPLAYS or replay.stream_id in self._long:
                self._long[replay.stream_id] = replay

    def __bool__(self) -> bool:
        """Whether anything was counted since the last time."""
        return bool(self._counts or self._long)

    def take(self) -> tuple[Counter[tuple[str, str]], list[LongReplay]]:
        """All that was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            long, self._long = self._long, {}
        return counts, list(long.values())

    def untold(self) -> tuple[Counter[tuple[str, str]], list[LongReplay]]:
        """A copy of what was counted since the last time."""
        with self._lock:
            return self._counts.copy(), list(self._long.values())

    def give_back(self, counts: Counter[tuple[str, str]]) -> None:
        """What could not be told."""
        with self._lock:
            self._counts.update(counts)
