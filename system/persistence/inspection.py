"""What whoever verifies a log asks of its store: whole rows, in pages, and what the database can count."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from .store import Store

Described = tuple[str | None, str | None, datetime | None]
"""What a tuned table says about an event in columns of their own: conversation, user, time."""

Place = tuple[UUID, int]
"""A stream, and a version of it."""


class StoredRow(NamedTuple):
    """An event as it is stored. `described` is None where the table has no columns for it."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes
    described: Described | None = None


class Inspection(ABC):
    """Looks at the rows of one log. Everything is read, nothing is written.

    `burns_positions` says whether an append that was refused leaves a hole in the positions.
    """

    burns_positions = False

    @abstractmethod
    def page(self, after: int, last: int, limit: int) -> Sequence[StoredRow]:
        """At most so many rows after a position, up to another one (included), in order."""

    @abstractmethod
    def count(self, first: int, last: int) -> int:
        """How many events there are from a position to another (both included). Nothing of them is read
        but the index, where there is one."""

    @abstractmethod
    def positions_of(self, places: Iterable[Place]) -> dict[Place, int]:
        """The positions of those of these events, a thousand at most, that there are."""


class PlainInspection(Inspection):
    """By what every store can do; for one in memory."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def page(self, after: int, last: int, limit: int) -> Sequence[StoredRow]:
        """See `Inspection`."""
        return [
            StoredRow(position, stream_id, version, topic, bytes(state))
            for stream_id, version, topic, state, position in self._store.select_log(after, limit)
            if position <= last
        ]

    def count(self, first: int, last: int) -> int:
        """See `Inspection`."""
        return len(self.page(first - 1, last, last - first + 1))

    def positions_of(self, places: Iterable[Place]) -> dict[Place, int]:
        """See `Inspection`."""
        found = {}
        for stream_id, version in places:
            for one in self._store.select_stream(stream_id, version, version):
                found[stream_id, version] = one.id
        return found
