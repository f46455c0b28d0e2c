"""Snapshots: what was stored, not ahead of their stream, and equal to what its events lead to.

A snapshot of another release, or of another shape, is not used and says nothing about the store. One that is
altered is not used either; it is told all the same, since somebody or something has altered it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Any
from uuid import UUID

from application.snapshots import Snapshot, Unusable
from application.streams import folded
from application.unreadable import UnreadableEvent
from system.bootstrap import Orderwright
from system.followers.follower import Follower
from system.snapshots.rows import snapshot_in
from system.snapshots.store import SnapshotsAway

from .report import Finding, Findings, Verdict

SAMPLE = 50
"""So many snapshots are compared, unless all are: each is a replay of a long stream."""

PAGE = 50
EVENTS_AT_ONCE = 500

_SOME = """
SELECT application, stream_id, topic, version, fingerprint, mark, taken_at, state, digest
FROM @orderwright_snapshots WHERE stream_id > :after ORDER BY stream_id LIMIT :limit
"""
_ONE = """
SELECT application, stream_id, topic, version, fingerprint, mark, taken_at, state, digest
FROM @orderwright_snapshots WHERE stream_id = :stream_id
"""

Look = Callable[[int, int], object]
"""Told how many snapshots are compared, of how many at least."""


class SnapshotCheck:
    """Verifies snapshots of all applications."""

    def __init__(self, orderwright: Orderwright, findings: Findings) -> None:
        self._applications: Mapping[str, Follower] = orderwright.applications
        self._store = orderwright.snapshots.store
        self._findings = findings

    def run(self, rows: Iterable[Mapping[str, Any]], look: Look) -> int:
        """Compare these; how many there were. Where the place of the snapshots is away, those until then."""
        compared = 0
        try:
            for row in rows:
                if row["application"] in self._applications:
                    self._compare(row, self._applications[row["application"]])
                    compared += 1
                    look(compared, compared)
        except SnapshotsAway:  # the doctor says so
            return compared
        return compared

    def everything(self) -> Iterator[Mapping[str, Any]]:
        """Every snapshot."""
        after = ""
        while page := self._store.rows(_SOME, {"after": after, "limit": PAGE}):
            yield from page
            after = page[-1]["stream_id"]

    def sample(self, random: Random, before: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        """Some, and those of streams about whose snapshot something was found the last time."""
        seen = set()
        for stream_id in before:
            yield from self._store.rows(_ONE, {"stream_id": stream_id})
        for _ in range(SAMPLE):
            for row in self._store.rows(_SOME, {"after": f"{random.getrandbits(32):08x}", "limit": 1}):
                if row["stream_id"] not in seen:
                    seen.add(row["stream_id"])
                    yield row

    def _compare(self, row: Mapping[str, Any], application: Follower) -> None:
        stream_id, version = UUID(row["stream_id"]), int(row["version"])
        found = snapshot_in(row, application, stream_id)
        if found is Unusable.OTHER_SHAPE:
            return
        if isinstance(found, Unusable):
            self._tell(row, Verdict.SNAPSHOT_DIFFERS, "it is not what was stored: its digest is another one")
            return
        last = list(application.recorder.select_events(stream_id, desc=True, limit=1))
        ends = last[0].originator_version if last else 0
        if found.version > ends:
            what = f"it is of version {found.version}, and the stream ends at {ends}"
            self._tell(row, Verdict.SNAPSHOT_AHEAD, what)
        elif (wrong := self._differs(found, application, stream_id)) is not None:
            self._tell(row, Verdict.SNAPSHOT_DIFFERS, f"at version {version} {wrong}")

    def _differs(self, snapshot: Snapshot, application: Follower, stream_id: UUID) -> str | None:
        """How the state of a snapshot differs from what the events lead to, or None."""
        replayed: Any = None
        stored: Any = None
        try:
            for first in range(0, snapshot.version, EVENTS_AT_ONCE):
                last = min(first + EVENTS_AT_ONCE, snapshot.version)
                for stored in application.recorder.select_events(stream_id, gt=first, lte=last):
                    replayed = folded(replayed, stored, application.mapper)
        except UnreadableEvent:  # which is told of its log
            return None
        if stored is None or not snapshot.is_at(stored):
            return "there is another event than the one that it was taken at"
        kept, made = vars(snapshot.aggregate), vars(replayed)
        names = [name for name in made if kept.get(name) != made[name]]
        return f"its {', '.join(names)} differ from what the events lead to" if names else None

    def _tell(self, row: Mapping[str, Any], verdict: Verdict, what: str) -> None:
        self._findings.add(
            Finding(
                verdict,
                row["application"],
                f"the snapshot of a {row['topic']}: {what}",
                stream_id=row["stream_id"],
                version=int(row["version"]),
            )
        )
