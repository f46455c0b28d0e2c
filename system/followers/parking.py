"""Where a follower parks what it could not process, so that everything else can move on.

The lot is itself an aggregate in the follower's own event store: an event is parked in the same
transaction that moves the position past it, whatever the persistence, and what became of each
parked event is kept like every other story. The dead-letter desk takes events out of it again, see
`system.recovery.dead_letters`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from application.unreadable import UnreadableEvent
from domain.shared.aggregates import Aggregate
from domain.shared.ids import derive

from .parked import CaseNotFound, EarlierEventWaits, EventResult, ParkedEvent, Pointer, RecentResults, Result


def parking_lot_id(follower: str) -> UUID:
    """The stream of a follower's parking lot."""
    return derive("parking", follower)


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

    Invariants: an event waits here once; the events of a sequence wait in order, each behind the
    one before; only the first of them can be retried or discarded, and then the next is the first.
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

    class EventRetried(ParkingEvent):
        """An event was processed after all, in the transaction that records this, and has left."""

        TOPIC = "ParkingLot.EventRetried"
        reason: str | None

    class RetryFailed(ParkingEvent):
        """An event was tried once more in vain, and stays. `attempts` counts those before as well."""

        TOPIC = "ParkingLot.RetryFailed"
        error: str
        attempts: int
        reason: str | None

    class EventDiscarded(ParkingEvent):
        """Somebody decided that an event is never to be processed here, and why. It has left."""

        TOPIC = "ParkingLot.EventDiscarded"
        reason: str

    # Decisions

    @classmethod
    def open(cls, follower: str) -> Self:
        """Open the lot of a follower."""
        return cls.begin(cls.Opened, parking_lot_id(follower), follower=follower)

    def holds_back(self, *sequences: str) -> str | None:
        """The first of these sequences that has an event parked here, or of which that cannot be told;
        else None."""
        return next((one for one in sequences if one in self.parked or one in self.doubtful), None)

    def park(self, event: Pointer, error: str, attempts: int) -> None:
        """Put an event aside that could not be processed; again changes nothing."""
        if event.place not in self.sequences:
            self.trigger_event(self.EventParked, **event.facts(), error=error, attempts=attempts)

    def hold_back(self, event: Pointer) -> None:
        """Put an event aside that has to wait; again changes nothing."""
        if event.place not in self.sequences:
            self.trigger_event(self.EventHeldBack, **event.facts())

    def sequence_of(self, leader: str, position: int) -> Sequence[ParkedEvent]:
        """The events that wait in the sequence of this one, in order. Raises `CaseNotFound`."""
        sequence = self.sequences.get((leader, position))
        if sequence is None:
            raise CaseNotFound(f"no event at position {position} of {leader} waits at {self.follower}")
        return tuple(self.parked[sequence])

    def first_of(self, leader: str, position: int) -> ParkedEvent:
        """The event, which is the first of its sequence. Raises `CaseNotFound` and `EarlierEventWaits`."""
        first = self.sequence_of(leader, position)[0]
        if first.place != (leader, position):
            raise EarlierEventWaits(
                f"{self.follower}:{first.leader}:{first.position} is an earlier event of the same sequence "
                "and waits as well; it goes first"
            )
        return first

    def retried(self, event: Pointer, reason: str | None) -> None:
        """The first event of a sequence was processed after all. Raises as `first_of` does."""
        self.trigger_event(self.EventRetried, **self.first_of(*event.place).facts(), reason=reason)

    def retry_failed(self, event: Pointer, error: str, reason: str | None) -> None:
        """The first event of a sequence was tried in vain. Raises as `first_of` does."""
        first = self.first_of(*event.place)
        facts = {"error": error, "attempts": first.attempts + 1, "reason": reason}
        self.trigger_event(self.RetryFailed, **first.facts(), **facts)

    def discard(self, event: Pointer, reason: str) -> None:
        """Give the first event of a sequence up. Raises as `first_of` does."""
        self.trigger_event(self.EventDiscarded, **self.first_of(*event.place).facts(), reason=reason)

    def outcomes(self, command_id: str, leader: str, position: int) -> Sequence[EventResult]:
        """What a command did to the sequence of an event; nothing, if it did nothing to that one."""
        return self.recent.find(command_id, (leader, position))

    # Memory

    @event(Opened)
    def __init__(self, *, follower: str) -> None:
        self.follower = follower
        self.parked: dict[str, list[ParkedEvent]] = {}
        self.sequences: dict[tuple[str, int], str] = {}
        self.recent = RecentResults()
        # Only a lot that cannot be read in full has these, see `system.followers.salvage`.
        self.damage: tuple[UnreadableEvent, ...] = ()
        self.doubtful: frozenset[str] = frozenset()

    @event(EventParked)
    def _event_parked(
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
        self._remember(Pointer(sequence, leader, position, topic, stream_id, stream_version), error, attempts)

    @event(EventHeldBack)
    def _event_held_back(
        self, sequence: str, leader: str, position: int, topic: str, stream_id: UUID, stream_version: int
    ) -> None:
        self._remember(Pointer(sequence, leader, position, topic, stream_id, stream_version), None, 0)

    @event(EventRetried)
    def _event_retried(self, sequence: str) -> None:
        self._forget(sequence, Result.RETRIED)

    @event(RetryFailed)
    def _retry_failed(self, sequence: str, error: str, attempts: int) -> None:
        if waiting := self.parked.get(sequence):
            waiting[0] = replace(waiting[0], error=error, attempts=attempts, last_at=self.modified_on)
            self.recent.add(self.last_command_id, EventResult(waiting[0], Result.FAILED, error))

    @event(EventDiscarded)
    def _event_discarded(self, sequence: str) -> None:
        self._forget(sequence, Result.DISCARDED)

    def _remember(self, event: Pointer, error: str | None, attempts: int) -> None:
        at = self.modified_on
        parked = ParkedEvent(**event.facts(), error=error, attempts=attempts, first_at=at, last_at=at)
        self.parked.setdefault(event.sequence, []).append(parked)
        self.sequences[event.place] = event.sequence

    def _forget(self, sequence: str, result: Result) -> None:
        """The first of a sequence leaves, and the sequence with the last of them."""
        if waiting := self.parked.get(sequence):
            first = waiting.pop(0)
            if not waiting:
                del self.parked[sequence]
            del self.sequences[first.place]
            self.recent.add(self.last_command_id, EventResult(first, result))
