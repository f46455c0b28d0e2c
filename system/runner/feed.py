"""One follower reading one leader, page by page.

A page is one unit of work: its events are processed in order, and what they led to is recorded
together with the position of the last of them. That the position only moves forward is the fence:
a second runner, or one that wakes up late, cannot record a page again.

What can go wrong, and what follows:
- a version conflict (a command was faster): the page is processed again from fresh state, and after
  two conflicts in two halves, since what takes less time is overtaken less often;
- a fault of the store: raised to the loop, which pauses and comes back;
- an error in a reaction: the page is halved until the event stands alone, which is tried a few
  times more and then parked; later events of its order wait behind it, all others go on.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import cast
from uuid import UUID

import structlog
from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)

from application.limits import MAX_CORRELATION_ID, check_text
from domain.shared.aggregates import EVENT_TYPES
from domain.shared.causes import Cause, because_of
from domain.shared.errors import DomainError
from system.persistence.search import facts_of
from system.processes.following import Following

from .log import Entry, Log
from .parked import Pointer, error_text
from .parking import ParkingLot, parking_lot_id
from .pulse import of_this_thread
from .working_set import PageOfWork, WorkingSet

STORE_FAULTS = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError)
"""Not the event's fault: the store is away, overloaded or wrongly set up."""

ATTEMPTS = 3
PAUSE_BETWEEN_ATTEMPTS = 0.05
CONFLICTS_BEFORE_HALVING = 2
CONFLICTS_BEFORE_ISOLATION = 20
"""So many of one event alone."""

CARRY_FORWARD_AFTER = 5000
"""A position that moved this far without effect is recorded all the same."""

_ALONE: AbstractContextManager[None] = contextlib.nullcontext()

log = structlog.get_logger()


class Feed:
    """Reads `leader` for `follower`. Belongs to one thread, with the follower's other feeds."""

    def __init__(
        self,
        follower: Following,
        log: Log,
        working_set: WorkingSet,
        clock: Callable[[], datetime],
        page_size: int,
    ) -> None:
        self.follower = follower
        self.leader = log.leader
        self._log = log
        self._lot_id = parking_lot_id(follower.name)
        self._working_set = working_set
        self._clock = clock
        self._page_size = page_size
        self._at_once = page_size  # less after conflicts, until it goes well again
        self._position: int | None = None
        self._recorded = 0
        self._lot: ParkingLot | None = None  # as of the page in hand
        self.has_more = False
        """Whether there may be more to read without any further news of it."""

    @property
    def position(self) -> int:
        """Up to where the leader's log is processed. May be ahead of what is recorded, but only
        by events that led to nothing."""
        if self._position is None:
            self._recorded = self.follower.recorder.max_tracking_id(self.leader.name) or 0
            self._position = self._recorded
        return self._position

    @property
    def is_ahead_of_its_record(self) -> bool:
        """Whether the position moved without effect and others do not see it yet."""
        return self._position is not None and self._position > self._recorded

    def head(self) -> int:
        """Where the leader's log ends."""
        return self._log.head()

    def advance(self, turn: AbstractContextManager[None] = _ALONE) -> int:
        """Process one page and return how many events it had; zero when there is nothing new.

        It is processed when it is this thread's turn.
        """
        page, self.has_more = self._log.page(self.position, self._at_once)
        if page:
            with turn:
                self._process(page)
        return len(page)

    def carry_forward(self) -> None:
        """Record a position that moved without effect, so that others see how far this feed is."""
        if self._position is not None and self.is_ahead_of_its_record:
            try:
                self.follower.recorder.insert_tracking(Tracking(self.leader.name, self._position))
            except IntegrityError:
                self._position = None
            else:
                self._recorded = self._position

    def _process(self, page: Sequence[Entry]) -> None:
        error: Exception = IntegrityError("the page conflicts with what is stored, again and again")
        for _ in range(CONFLICTS_BEFORE_HALVING if len(page) > 1 else CONFLICTS_BEFORE_ISOLATION):
            try:
                self._record(page, self._react_to)
            except IntegrityError:
                if self._is_overtaken(page):
                    return
            except STORE_FAULTS:
                raise
            except Exception as unexpected:
                error = unexpected
                break
            else:
                self._at_once = min(self._page_size, self._at_once + self._at_once // 10 + 1)
                return
        else:
            self._at_once = max(1, len(page) // 2)
        self._isolate(page, error)

    def _is_overtaken(self, page: Sequence[Entry]) -> bool:
        """Whether the position was moved by somebody else; then reading begins anew from there."""
        self._position = None
        self.has_more = True
        return self.position >= page[0].position

    def _isolate(self, page: Sequence[Entry], error: Exception) -> None:
        if len(page) == 1:
            self._retry_then_park(page, error)
            return
        middle = len(page) // 2
        self._process(page[:middle])
        if self.position == page[middle - 1].position:  # else somebody else took over meanwhile
            self._process(page[middle:])

    def _retry_then_park(self, page: Sequence[Entry], error: Exception) -> None:
        for attempt in range(2, ATTEMPTS + 1):
            time.sleep(PAUSE_BETWEEN_ATTEMPTS * attempt)
            try:
                self._record(page, self._react_to)
            except STORE_FAULTS:
                raise
            except Exception as again:
                error = again
            else:
                return None
        where = {"leader": self.leader.name, "position": page[0].position, "topic": page[0].topic}
        log.error("event parked", follower=self.follower.name, error=error_text(error), **where)
        for _ in range(CONFLICTS_BEFORE_ISOLATION):
            try:
                return self._record(page, lambda entry, work: self._park(entry, work, error))
            except IntegrityError:  # somebody at the dead-letter desk was faster with the lot
                if self._is_overtaken(page):
                    return None
        raise error

    def _record(self, page: Sequence[Entry], handle: Callable[[Entry, PageOfWork], object]) -> None:
        last = page[-1].position
        concerning = [entry for entry in page if self._concerns(entry)]
        work = PageOfWork(Tracking(self.leader.name, last), self._working_set)
        pulse = of_this_thread()
        with self._working_set.page():
            if concerning:
                self._working_set.fetch(self._needed_by(concerning))
                self._lot = self.follower.find(ParkingLot, self._lot_id)
                for entry in concerning:
                    handle(entry, work)
                    if pulse is not None:
                        pulse.beat()
            if work.events or work.saved_kwargs or last - self._recorded >= CARRY_FORWARD_AFTER:
                self.follower.record_work(work)
                self._recorded = last
        self._position = last

    def _concerns(self, entry: Entry) -> bool:
        """Whether the follower has to do with this event. One that nobody here knows, perhaps of a
        newer release, might concern it: passing over it in silence would lose it for ever."""
        return entry.topic in self.follower.handled_topics or entry.topic not in EVENT_TYPES

    def _needed_by(self, page: Sequence[Entry]) -> set[UUID]:
        """The aggregates that the page will ask for, as far as can be told. One that cannot be told
        is read when it is asked for, and what is wrong with an event is found out when it is its turn."""
        needed = {self._lot_id}
        for entry in page:
            with contextlib.suppress(Exception):
                needed.update(self.follower.needs(entry.event))
        return needed

    def _react_to(self, entry: Entry, work: PageOfWork) -> None:
        lot = self._lot
        if lot is not None and lot.parked:
            sequence = lot.holds_back(str(entry.originator_id), self._conversation(entry))
            if sequence is not None:
                with because_of(self._cause_of_parking(entry, sequence)):
                    lot.hold_back(self._pointer(entry, sequence))
                return work.collect_events(lot)
        return self.follower.policy(entry.event, work)

    def _park(self, entry: Entry, work: PageOfWork, error: Exception) -> None:
        sequence = self._conversation(entry)
        with because_of(self._cause_of_parking(entry, sequence)):
            lot = self._lot or ParkingLot.open(self.follower.name)
            lot.park(self._pointer(entry, sequence), error_text(error), ATTEMPTS)
        work.collect_events(lot)

    def _conversation(self, entry: Entry) -> str:
        """What an event belongs to. One that cannot be decoded may still tell that; else it is its stream."""
        try:
            return str(entry.event.correlation_id)
        except Exception:
            found = facts_of(cast(StoredEvent, entry), self.leader.mapper).correlation_id
        try:
            return check_text(found or "", MAX_CORRELATION_ID)
        except DomainError:
            return str(entry.originator_id)

    def _pointer(self, entry: Entry, sequence: str) -> Pointer:
        return Pointer(
            sequence=sequence,
            leader=self.leader.name,
            position=entry.position,
            topic=entry.topic,
            stream_id=entry.originator_id,
            stream_version=entry.originator_version,
        )

    def _cause_of_parking(self, entry: Entry, sequence: str) -> Cause:
        return Cause(self._clock(), sequence, f"{self.leader.name}:{entry.position}", user=None)
