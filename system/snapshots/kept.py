"""The snapshots of one application, as loading asks for them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from application.base import Application
from application.snapshots import SHORT, Snapshot, Snapshots, Unusable

from .figures import HITS, MISSES, Figures, LongReplay
from .policy import Policy
from .rows import snapshot_in
from .store import SnapshotsAway, SnapshotStore
from .tables import FIND

MOST_KNOWN = 10_000
"""So many streams are remembered to have one; of others that is asked when they turn out to be long."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Known:
    """What this process knows of the snapshot of a stream: its version, and how many bytes it has. One
    that cannot be used has a version of 0, and the digest by which it is known."""

    version: int
    size: int
    unusable: str | None = None


class KeptSnapshots(Snapshots):
    """See `Snapshots`."""

    def __init__(
        self,
        application: Application,
        store: SnapshotStore,
        policy: Policy,
        figures: Figures,
        request: Callable[[UUID, str], object],
    ) -> None:
        """`request` is called with the stream and topic of an aggregate of which one is to be taken."""
        self.are_used = policy.is_on
        self.short = min(SHORT, policy.least)
        self._application = application
        self._store = store
        self._policy = policy
        self._figures = figures
        self._request = request
        self._lock = threading.Lock()
        self._known: OrderedDict[UUID, Known] = OrderedDict()
        self._told: set[object] = set()
        self._counts_loads = True

    def uncounted(self) -> "KeptSnapshots":
        """The same, for loads that are not counted: those for the next snapshot."""
        twin = copy(self)
        twin._counts_loads = False
        return twin

    def known(self, stream_ids: Iterable[UUID]) -> Collection[UUID]:
        """See `Snapshots`."""
        with self._lock:
            return [id_ for id_ in stream_ids if id_ in self._known]

    def known_of(self, stream_id: UUID) -> Known | None:
        """What is known of the snapshot of a stream, if anything."""
        with self._lock:
            return self._known.get(stream_id)

    def note(self, stream_id: UUID, known: Known | None) -> None:
        """This is known of the snapshot of a stream from now on."""
        with self._lock:
            self._known.pop(stream_id, None)
            if known is not None:
                self._known[stream_id] = known
                while len(self._known) > MOST_KNOWN:
                    self._known.popitem(last=False)

    def find(self, stream_id: UUID, topic: str | None, not_after: int | None = None) -> Snapshot | None:
        """See `Snapshots`."""
        kind = (topic or "").partition(".")[0]
        if kind and not self._policy.of(kind):
            return None
        try:
            rows = self._store.rows(
                FIND, {"application": self._application.name, "stream_id": str(stream_id)}
            )
        except SnapshotsAway:
            return None
        if not rows:
            self.note(stream_id, None)
            if self._counts_loads:
                self._figures.count(MISSES, kind)
                self._request(stream_id, kind)
            return None
        (row,) = rows
        found = snapshot_in(row, self._application, stream_id)
        if isinstance(found, Unusable):
            self._discard(found, str(row["topic"]), stream_id, str(row["digest"]))
            return None
        if not self._policy.of(type(found.aggregate).TOPIC):
            return None
        self.note(stream_id, Known(found.version, len(row["state"])))
        return found if not_after is None or found.version <= not_after else None

    def used(self, snapshot: Snapshot) -> None:
        """See `Snapshots`."""
        if self._counts_loads:
            self._figures.count(HITS, type(snapshot.aggregate).TOPIC)

    def disproved(self, snapshot: Snapshot) -> None:
        """See `Snapshots`."""
        aggregate = snapshot.aggregate
        self._discard(Unusable.NOT_OF_THIS_LOG, type(aggregate).TOPIC, aggregate.id, snapshot.digest)

    def took_long(self, aggregate: Any, events: int, seconds: float) -> None:
        """See `Snapshots`."""
        self._figures.took_long(
            LongReplay(
                self._application.name,
                str(aggregate.id),
                type(aggregate).TOPIC,
                aggregate.version,
                events,
                round(seconds * 1000),
            )
        )

    def recorded(self, events: Iterable[Any]) -> None:
        """See `Snapshots`."""
        is_due = self._policy.is_due_at
        for event in events:
            if is_due(event):
                self._request(event.originator_id, event.TOPIC.partition(".")[0])

    def _discard(self, why: Unusable, topic: str, stream_id: UUID, digest: str) -> None:
        bad = Known(0, 0, digest)
        if self._counts_loads or self.known_of(stream_id) != bad:
            self._figures.count(why.value, topic)
        self.note(stream_id, bad)
        told: object = topic if why is Unusable.OTHER_SHAPE else stream_id
        if told not in self._told and len(self._told) < MOST_KNOWN:
            self._told.add(told)
            about = {"application": self._application.name, "aggregate": topic}
            if why is Unusable.OTHER_SHAPE:
                log.info("snapshots of another release are not used; the streams are replayed", **about)
            else:
                log.warning(
                    "a snapshot is not used; the stream is replayed",
                    **about,
                    stream=str(stream_id),
                    why=why.value,
                )
        if self._counts_loads:
            self._request(stream_id, topic)
