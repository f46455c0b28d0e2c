"""Where a follower parks what it could not process, so that everything else can move on.

The lot is itself an aggregate in the follower's own event store: an event is parked in the same
transaction that moves the position past it, whatever the persistence, and the story of each
parked event is kept like every other story.
"""

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.ids import derive


def parking_lot_id(follower: str) -> UUID:
    """The stream of a follower's parking lot."""
    return derive("parking", follower)


@dataclass(frozen=True)
class ParkedEvent:
    """A pointer to an event that was parked, never a copy: it is decoded anew when retried.

    `sequence` is what its later events are held back by: the conversation it belongs to, or its
    stream when it could not even be decoded. `error` is None for an event that is only held back.
    """

    sequence: str
    leader: str
    position: int
    topic: str
    stream_id: UUID
    stream_version: int
    error: str | None
    attempts: int


class ParkingEvent(Aggregate.Event):
    """What every fact about a parked event says: where it is, and what it belongs to."""

    sequence: str
    leader: str
    position: int
    topic: str
    stream_id: UUID
    stream_version: int


class ParkingLot(Aggregate):
    """The events that a follower has put aside.

    Invariants: an event is parked once; once one event of a sequence is parked, its later events
    are held back behind it, in order.
    """

    TOPIC = "ParkingLot"

    class Opened(Aggregate.Event, AggregateCreated):
        """A follower could not process something for the first time."""

        TOPIC = "ParkingLot.Opened"
        follower: str

    class EventParked(ParkingEvent):
        """An event could not be processed, however often it was tried."""

        TOPIC = "ParkingLot.EventParked"
        error: str
        attempts: int

    class EventHeldBack(ParkingEvent):
        """An event waits behind an earlier one of its sequence that is parked."""

        TOPIC = "ParkingLot.EventHeldBack"

    @classmethod
    def open(cls, follower: str) -> Self:
        """Open the lot of a follower."""
        return cls.begin(cls.Opened, parking_lot_id(follower), follower=follower)

    def holds_back(self, *sequences: str) -> str | None:
        """The first of these sequences that has an event parked here, or None."""
        return next((sequence for sequence in sequences if sequence in self.parked), None)

    def park(self, parked: ParkedEvent) -> None:
        """Put an event aside; again changes nothing."""
        if parked in self.parked.get(parked.sequence, []):
            return
        where: dict[str, Any] = {
            "sequence": parked.sequence,
            "leader": parked.leader,
            "position": parked.position,
            "topic": parked.topic,
            "stream_id": parked.stream_id,
            "stream_version": parked.stream_version,
        }
        if parked.error is None:
            self._hold_back(**where)
        else:
            self._park(**where, error=parked.error, attempts=parked.attempts)

    @event(Opened)
    def __init__(self, *, follower: str) -> None:
        self.follower = follower
        self.parked: dict[str, list[ParkedEvent]] = {}

    @event(EventParked)
    def _park(
        self,
        sequence: str,
        leader: str,
        position: int,
        topic: str,
        stream_id: UUID,
        stream_version: int,
        error: str,
        attempts: int,
    ) -> None:
        self._remember(
            ParkedEvent(sequence, leader, position, topic, stream_id, stream_version, error, attempts)
        )

    @event(EventHeldBack)
    def _hold_back(
        self, sequence: str, leader: str, position: int, topic: str, stream_id: UUID, stream_version: int
    ) -> None:
        self._remember(ParkedEvent(sequence, leader, position, topic, stream_id, stream_version, None, 0))

    def _remember(self, parked: ParkedEvent) -> None:
        self.parked.setdefault(parked.sequence, []).append(parked)
