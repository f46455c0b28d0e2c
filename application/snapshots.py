"""What loading asks of snapshots, wherever they are kept: an aggregate's state at a version, so that its
stream need not be read from the beginning. Without any everything works, long streams slower."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

SHORT = 100
"""A stream with so many events is read as it is, and nobody asks for a snapshot of it; or with fewer, where
snapshots are taken more often."""

LONG_SECONDS = 0.1
"""A replay that takes longer is told, see `Snapshots.took_long`."""


class Unusable(StrEnum):
    """Why a snapshot is not used. The stream is replayed then."""

    OTHER_SHAPE = "other_shape"
    """Another release has taken it, whose state is another one."""
    ALTERED = "altered"
    """It is not what was stored: changed, torn, or in the place of another one."""
    NOT_OF_THIS_LOG = "not_of_this_log"
    """The stream does not have the event that it was taken at: it is another log."""


@dataclass(frozen=True)
class Snapshot:
    """An aggregate as of a version, for the caller alone; by what the event there is known, and by what the
    snapshot itself is."""

    aggregate: Any
    mark: str
    digest: str

    @property
    def version(self) -> int:
        """The version of the aggregate."""
        return int(self.aggregate.version)

    def is_at(self, stored: StoredEvent) -> bool:
        """Whether it was taken at this event."""
        return self.version == stored.originator_version and self.mark == mark_of(stored)


def mark_of(stored: StoredEvent) -> str:
    """What an event is known by: its kind and its content."""
    return sha256(stored.topic.encode() + b"\0" + bytes(stored.state)).hexdigest()


class Snapshots:
    """The snapshots of one application. This is one that has none; see `system.snapshots`.

    No method raises a fault of a store: then there are none.
    """

    are_used = False
    """Whether it is worth while to ask."""
    short = SHORT
    """A stream with so many events is short."""

    def known(self, stream_ids: Iterable[UUID]) -> Collection[UUID]:  # noqa: ARG002 - it has none
        """Those of the streams that are known to have one. Asks nobody."""
        return ()

    def find(self, stream_id: UUID, topic: str | None, not_after: int | None = None) -> Snapshot | None:  # noqa: ARG002
        """The snapshot of a stream, if there is one that can be used, of a version not after one if it is
        given. `topic` is that of its first event, if that is known."""
        return None

    def used(self, snapshot: Snapshot) -> None:
        """A stream was loaded with it."""

    def disproved(self, snapshot: Snapshot) -> None:
        """The stream does not have the event that it was taken at."""

    def took_long(self, aggregate: Any, events: int, seconds: float) -> None:
        """To load it, so many events were replayed, which took so long."""

    def recorded(self, events: Iterable[Any]) -> None:
        """These events were recorded. Never waits."""


NO_SNAPSHOTS = Snapshots()
