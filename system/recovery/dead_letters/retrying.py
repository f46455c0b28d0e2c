"""Takes events out of the parking lots: one transaction each, and each in its turn.

What an event leads to is recorded together with the lot's note that it has left, without moving any
position. That note is the next version of the lot's stream. The running follower writes the next
version as well when it holds a later event back, and so does another desk: whoever comes second is
refused by the store and begins again from what is stored then. So an event counts once, and a later
one of its sequence is either held back behind it, or read when it has left. See docs/decisions/013.
"""

from collections.abc import Callable
from dataclasses import dataclass

from eventsourcing.persistence import IntegrityError

from application.base import CommandContext, ConcurrentChanges
from domain.shared.causes import Cause, because_of
from system.bootstrap import Orderwright
from system.followers.parked import (
    CaseNotFound,
    EarlierEventWaits,
    EventResult,
    ParkedEvent,
    Result,
    error_text,
)
from system.followers.parking import ParkingLot
from system.followers.unit_of_work import UnitOfWork
from system.persistence.faults import STORE_FAULTS

from .lots import Lots, Place
from .reading import decoded

CONFLICTS = 20
"""So often it begins again when somebody else was faster."""


@dataclass(frozen=True)
class Dealt:
    """What a command did to a sequence, how many events of it still wait, and whether all that had
    been done by the same command before."""

    outcomes: tuple[EventResult, ...]
    still_waiting: int
    replayed: bool


class Retrier:
    """Retries and discards parked events for one command. Belongs to one thread."""

    def __init__(
        self, orderwright: Orderwright, lots: Lots, context: CommandContext, reason: str | None
    ) -> None:
        self._orderwright = orderwright
        self._lots = lots
        self._context = context
        self._reason = reason

    def retry(self, place: Place, *, whole_sequence: bool) -> Dealt:
        """Process the first event of a sequence, and those behind it if they are wanted, until one fails.

        Raises `CaseNotFound`, `EarlierEventWaits`, `ConcurrentChanges`, and faults of the store: then
        what was done before is recorded, and the same command goes on there.
        """
        earlier = self._earlier(place)
        outcomes = [outcome for outcome in earlier if outcome.result is not Result.DISCARDED]
        waiting = self._behind(place, outcomes) if outcomes else place
        if outcomes and (not whole_sequence or waiting is None or outcomes[-1].result is Result.FAILED):
            return Dealt(tuple(outcomes), self._still_waiting(place, outcomes), replayed=True)
        while waiting is not None:
            try:
                outcomes.append(self._retry_first(waiting))
            except (CaseNotFound, EarlierEventWaits):
                if not outcomes:
                    raise
            else:
                if not whole_sequence or outcomes[-1].result is Result.FAILED:
                    break
            # Where somebody else has dealt with it meanwhile, it goes on behind that.
            waiting = self._behind(place, outcomes)
        return Dealt(tuple(outcomes), self._still_waiting(place, outcomes), replayed=False)

    def discard(self, place: Place) -> Dealt:
        """Give the first event of a sequence up. Raises as `retry` does."""
        earlier = [outcome for outcome in self._earlier(place) if outcome.result is Result.DISCARDED]
        if not earlier:
            first = self._change(place, lambda lot, first: lot.discard(first, self._reason or ""))
            earlier = [EventResult(first, Result.DISCARDED)]
            return Dealt(tuple(earlier), self._still_waiting(place, earlier), replayed=False)
        return Dealt(tuple(earlier), self._still_waiting(place, earlier), replayed=True)

    def _retry_first(self, place: Place) -> EventResult:
        for _ in range(CONFLICTS):
            lot = self._lots.get(place)
            first = lot.first_of(place.leader, place.position)
            try:
                self._process(place.follower, lot, first)
            except IntegrityError as conflict:
                error: Exception = conflict
            except STORE_FAULTS:
                raise
            except Exception as unexpected:
                error = unexpected
                break
            else:
                return EventResult(first, Result.RETRIED)
        text = error_text(error)
        first = self._change(place, lambda lot, first: lot.retry_failed(first, text, self._reason))
        return EventResult(first, Result.FAILED, text)

    def _process(self, name: str, lot: ParkingLot, first: ParkedEvent) -> None:
        """Record what the event leads to and that it has left the lot, all of it or nothing."""
        follower = self._lots.follower(name)
        identity_map = self._lots.identity_map(name)
        event = decoded(self._orderwright, first)
        work = UnitOfWork(identity_map=identity_map)
        with identity_map.page():
            follower.handle(event, work)
            try:
                with because_of(self._cause(first)):
                    lot.retried(first, self._reason)
                work.events += lot.collect_events()
                follower.record_work(work)
            except BaseException:
                self._lots.forget(name)
                raise

    def _change(self, place: Place, change: Callable[[ParkingLot, ParkedEvent], None]) -> ParkedEvent:
        """Record a fact about the first event of a sequence, and nothing else."""
        for _ in range(CONFLICTS):
            lot = self._lots.get(place)
            first = lot.first_of(place.leader, place.position)
            work = UnitOfWork()
            try:
                with because_of(self._cause(first)):
                    change(lot, first)
                work.collect_events(lot)
                self._lots.follower(place.follower).record_work(work)
            except BaseException as error:
                self._lots.forget(place.follower)
                if not isinstance(error, IntegrityError):
                    raise
            else:
                return first
        raise ConcurrentChanges("others kept changing the parking lot; nothing was recorded, try again")

    def _cause(self, event: ParkedEvent) -> Cause:
        return self._context.cause(event.sequence)

    def _earlier(self, place: Place) -> list[EventResult]:
        lot = self._lots.get(place)
        return list(lot.outcomes(self._context.command_id, place.leader, place.position))

    def _behind(self, place: Place, outcomes: list[EventResult]) -> Place | None:
        """What is the first of the sequence now."""
        waiting = self._lots.get(place).parked.get(outcomes[-1].event.sequence)
        return Place(place.follower, waiting[0].leader, waiting[0].position) if waiting else None

    def _still_waiting(self, place: Place, outcomes: list[EventResult]) -> int:
        return len(self._lots.get(place).parked.get(outcomes[-1].event.sequence, ()))
