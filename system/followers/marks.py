"""The mark of an event: what it is known by when somebody comes back to the place where it stood.

An event is known by its stream, its version there, and the time that stands in it. A log that was
replaced, or has lost its end and grown anew, has none or another one at that position. The rest of
the row is left out on purpose: a row that was damaged later is still the row of that event, and
what is damaged about it concerns its own order alone. A digest would tell the two cases not apart.
"""

from dataclasses import dataclass
from typing import Self, cast
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent

from system.persistence.search import facts_of


@dataclass(frozen=True)
class Mark:
    """An event at a position. `time` is empty where it could not be read."""

    position: int
    stream_id: str
    version: int
    time: str

    @classmethod
    def of(cls, position: int, stored: object, mapper: Mapper[UUID]) -> Self:
        """The mark of a stored event."""
        event = cast(StoredEvent, stored)
        recorded_at = facts_of(event, mapper).recorded_at
        time = recorded_at.isoformat() if recorded_at is not None else ""
        return cls(position, str(event.originator_id), event.originator_version, time)

    @classmethod
    def read(cls, text: str | None, position: int) -> Self | None:
        """A mark as it was kept with this position; None when none was, or that of another one."""
        parts = (text or "").split(" ")
        if len(parts) != 4 or parts[0] != str(position):
            return None
        return cls(position, parts[1], int(parts[2]), parts[3])

    def __str__(self) -> str:
        """As it is kept, beside the position."""
        return f"{self.position} {self.stream_id} {self.version} {self.time}"

    def is_at(self, other: "Mark") -> bool:
        """Whether both are marks of one and the same event. A time that cannot be read says nothing."""
        same_place = (self.position, self.stream_id, self.version)
        return same_place == (other.position, other.stream_id, other.version) and (
            self.time == other.time or not self.time or not other.time
        )
