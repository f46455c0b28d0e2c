"""One follower reading one leader, page by page.

A page is one unit of work: its events are processed in order, and what they led to is recorded
together with the position of the last of them and the mark of the event there. That the position
only moves forward, and only from where the page began, is the fence: a second runner, or one that
wakes up late, cannot record a page again.

What can go wrong, and what follows:
- a version conflict (a command was faster): the page is processed again from fresh state, and after
  two conflicts in two halves, since what takes less time is overtaken less often;
- a fault of the store: raised to the loop, which pauses and comes back;
- the event that was read last is not in the log any more: noted beside the log, and raised to the
  loop in the same way; nothing is recorded until somebody has realigned the two;
- an error in a reaction: the page is halved until the event stands alone, which is tried a few
  times more and then parked; later events of its order wait behind it, all others go on;
- an aggregate that cannot be read: the same, for the events that need it and for no others. To park
  nothing is read but the lot, and of a lot that is damaged what can still be read.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import cast
from uuid import UUID

import structlog
from eventsourcing.persistence import (
    IntegrityError,
)

from application.unreadable import UnreadableEvent
from domain.shared.causes import Cause, because_of
from system.concurrency.pulse import of_this_thread
from system.followers.agreement import disagreement, is_noted, note
from system.followers.event_log import Entry, EventLog
from system.followers.follower import Follower
from system.followers.identity_map import IdentityMap
from system.followers.marks import Mark
from system.followers.parked import Pointer, error_text
from system.followers.parking import ParkingLot, parking_lot_id
from system.followers.salvage import lot_of
from system.followers.unit_of_work import UnitOfWork
from system.persistence.agreement import Checkpoint, LogDisagrees
from system.persistence.faults import STORE_FAULTS

ATTEMPTS = 3
PAUSE_BETWEEN_ATTEMPTS = 0.05
CONFLICTS_BEFORE_HALVING = 2
CONFLICTS_BEFORE_ISOLATION = 20
"""So many of one event alone."""

CARRY_FORWARD_AFTER = 5000
"""A position that moved this far without effect is recorded all the same."""
LOOK_AFTER_SECONDS = 10.0
"""So often who has nothing to read looks whether somebody has set its position back."""

_ALONE: AbstractContextManager[None] = contextlib.nullcontext()

log = structlog.get_logger()


class Subscription:
    """Reads `leader` for `follower`. Belongs to one thread, with the follower's other subscriptions."""

    def __init__(
        self,
        follower: Follower,
        log: EventLog,
        identity_map: IdentityMap,
        clock: Callable[[], datetime],
        page_size: int,
    ) -> None:
        self.follower = follower
        self.leader = log.leader
        self._log = log
        self._lot_id = parking_lot_id(follower.name)
        self._identity_map = identity_map
        self._clock = clock
        self._page_size = page_size
        self._at_once = page_size  # less after conflicts, until it goes well again
        self._key = ""
        self._position: int | None = None
        self._mark: Mark | None = None
        self._recorded = 0
        self._recorded_mark: str | None = None
        self._looked_at = 0.0
        self._lot: ParkingLot | None = None  # as of the page in hand
        self.has_more = False
        """Whether there may be more to read without any further news of it."""
        self.handled = 0
        """How many events were handled so far, those that were parked or held back among them."""

    @property
    def position(self) -> int:
        """Up to where the leader's log is processed. May be ahead of what is recorded, but only
        by events that led to nothing."""
        if self._position is None:
            self._load()
        return cast(int, self._position)

    def _load(self) -> None:
        """Begin from what is recorded."""
        text: str | None
        self._key = self.follower.key_of(self.leader.name)
        self._recorded, text = self.follower.recorder.checkpoint(self._key)
        self._position, self._mark = self._recorded, Mark.read(text, self._recorded)
        self._recorded_mark = text
        self._looked_at = time.monotonic()
        if self._recorded and self._mark is None and is_noted(self.leader, self.follower.name):
            raise LogDisagrees(f"the log of {self.leader.name} lacks events that were read of it")

    @property
    def lot_is_damaged(self) -> bool:
        """Whether the parking lot could not be read in full, as of the latest page."""
        return self._lot is not None and bool(self._lot.damage)

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
        with self._forgetting_what_is_wrong():
            page, self.has_more = self._read()
            if page and self._key != self.follower.key_of(self.leader.name):
                self._load()  # another version of the read model is in use now, and begins where it is
                page, self.has_more = self._read()
            if page:
                with turn:
                    self._process(page)
            elif time.monotonic() - self._looked_at > LOOK_AFTER_SECONDS:
                self.has_more = self._is_overtaken()
        return len(page)

    def check(self) -> None:
        """Raise `LogDisagrees` unless the log has what was read of it."""
        with self._forgetting_what_is_wrong():
            self._read()

    def _read(self) -> tuple[Sequence[Entry], bool]:
        position = self.position
        try:
            return self._log.page(position, self._at_once, self._mark)
        except LogDisagrees:
            name = self.follower.name
            note(self.leader, disagreement(self.leader, name, position, self._mark, self._clock))
            raise

    @contextlib.contextmanager
    def _forgetting_what_is_wrong(self) -> Iterator[None]:
        """When a log disagrees, nothing that is remembered can be trusted."""
        try:
            yield
        except LogDisagrees:
            self._identity_map.forget()
            self._position = None
            raise

    def carry_forward(self) -> None:
        """Record a position that moved without effect, so that others see how far this subscription is."""
        if self._position is not None and self.is_ahead_of_its_record:
            here = self._checkpoint(self._position, self._mark)
            try:
                self.follower.recorder.insert_tracking(here)
            except IntegrityError:
                self._position = None
            else:
                self._recorded, self._recorded_mark = here.notification_id, here.mark

    def _process(self, page: Sequence[Entry]) -> None:
        error: Exception = IntegrityError("the page conflicts with what is stored, again and again")
        for _ in range(CONFLICTS_BEFORE_HALVING if len(page) > 1 else CONFLICTS_BEFORE_ISOLATION):
            try:
                self._record(page, self._react_to)
            except IntegrityError:
                if self._is_overtaken():
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

    def _is_overtaken(self) -> bool:
        """Whether the position was moved by somebody else; then reading begins anew from there."""
        before = self._recorded, self._recorded_mark
        self._load()
        self.has_more = True
        keeps_marks = self._recorded_mark is not None  # in memory none are
        if self._recorded == before[0] and (self._recorded_mark == before[1] or not keeps_marks):
            return False
        if self._recorded < before[0]:  # it was set back: perhaps the log is another one as well
            self._log.forget()
            self._identity_map.forget()
        return True

    def _isolate(self, page: Sequence[Entry], error: Exception) -> None:
        if len(page) == 1:
            self._retry_then_park(page, error)
            return
        middle = len(page) // 2
        self._process(page[:middle])
        if self.position == page[middle - 1].position:  # else somebody else took over meanwhile
            self._process(page[middle:])

    def _retry_then_park(self, page: Sequence[Entry], error: Exception) -> None:
        attempts = 1
        # What is damaged or of a newer release does not come right within a moment: others need not wait.
        while attempts < ATTEMPTS and not isinstance(error, UnreadableEvent):
            attempts += 1
            time.sleep(PAUSE_BETWEEN_ATTEMPTS * attempts)
            try:
                self._record(page, self._react_to)
            except STORE_FAULTS:
                raise
            except Exception as again:
                error = again
            else:
                return
        for _ in range(CONFLICTS_BEFORE_ISOLATION):
            try:
                self._record(page, lambda entry, work: self._park(entry, work, error, attempts), parks=True)
            except IntegrityError:  # somebody at the dead-letter desk was faster with the lot
                if self._is_overtaken():
                    return
            else:
                where = {"leader": self.leader.name, "position": page[0].position, "topic": page[0].topic}
                log.error("event parked", follower=self.follower.name, error=error_text(error), **where)
                return
        raise error

    def _record(
        self, page: Sequence[Entry], handle: Callable[[Entry, UnitOfWork], object], *, parks: bool = False
    ) -> None:
        last, mark = page[-1].position, page[-1].mark
        concerning = [entry for entry in page if self.follower.concerns(entry.topic)]
        here = self._checkpoint(last, mark)
        work = UnitOfWork(position=here, identity_map=self._identity_map)
        pulse = of_this_thread()
        with self._identity_map.page():
            if concerning:
                self._identity_map.fetch({self._lot_id} if parks else self._needed_by(concerning))
                self._lot = lot_of(self.follower)
                for entry in concerning:
                    handle(entry, work)
                    if pulse is not None:
                        pulse.beat()
            if work or last - self._recorded >= CARRY_FORWARD_AFTER:
                self.follower.record_work(work)
                self._recorded, self._recorded_mark = last, here.mark
        self._position, self._mark = last, mark
        self.handled += len(concerning)

    def _checkpoint(self, position: int, mark: Mark | None) -> Checkpoint:
        return Checkpoint(self._key, position, str(mark or ""), self._recorded_mark)

    def _needed_by(self, page: Sequence[Entry]) -> set[UUID]:
        """The aggregates that the page will ask for, as far as can be told. One that cannot be told
        is read when it is asked for, and what is wrong with an event is found out when it is its turn."""
        needed = {self._lot_id}
        for entry in page:
            with contextlib.suppress(Exception):
                needed.update(self.follower.needs(entry.event))
        return needed

    def _react_to(self, entry: Entry, work: UnitOfWork) -> None:
        lot = self._lot
        if lot is not None and (lot.parked or lot.doubtful):
            sequence = lot.holds_back(str(entry.originator_id), entry.conversation)
            if sequence is not None:
                with because_of(self._cause_of_parking(entry, sequence)):
                    lot.hold_back(self._pointer(entry, sequence))
                work.events += lot.collect_events()  # the lot is found in hand, not among the aggregates
                return
        self.follower.handle(entry.event, work)

    def _park(self, entry: Entry, work: UnitOfWork, error: Exception, attempts: int) -> None:
        sequence = entry.conversation
        with because_of(self._cause_of_parking(entry, sequence)):
            lot = self._lot or ParkingLot.open(self.follower.name)
            lot.park(self._pointer(entry, sequence), error_text(error), attempts)
        work.events += lot.collect_events()

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
