"""One thread a follower: busy while there is work, woken when something was recorded, else polling."""

import random
import time
from collections.abc import Callable, Sequence

from system.concurrency.background import BackgroundLoop
from system.concurrency.turn import Turn
from system.concurrency.wakeup import Wakeup
from system.persistence.agreement import LogDisagrees
from system.persistence.faults import STORE_FAULTS

from .heart import Heart
from .subscription import Subscription

IDLE_BEFORE_CARRYING_FORWARD = 0.05

LOOK_EVERY_SECONDS = 5.0
"""So often a follower looks for news while it would be woken by any, and up to a fifth more often."""


class FollowerLoop(BackgroundLoop):
    """Keeps a follower up to date with all its leaders. Survives whatever happens to it."""

    faults = STORE_FAULTS
    pausing = "follower pauses"
    failed = "follower failed"

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        poll_seconds: float,
        turn: Turn,
        hears: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`hears` says of a leader whether somebody rings at once when it has recorded something,
        wherever that was."""
        follower = subscriptions[0].follower
        super().__init__(f"follow-{follower.name}", follower=follower.name)
        # The log that brings new work comes last, see `Follower.begins_with`.
        self.subscriptions = sorted(
            subscriptions, key=lambda subscription: subscription.leader.name == follower.begins_with
        )
        self.on_progress: list[Wakeup] = []
        self._heart = Heart(self.subscriptions)
        self._poll_seconds = poll_seconds
        self._turn = turn
        self._must_check = True
        self._hears = hears
        self._idle_since = 0.0
        self.has_more = False
        """Whether there may be more to read at once; if not, a ring tells of it."""

    def work(self) -> None:
        """Process a page of each leader, and rest when all was read."""
        self._heart.begin()
        if self.advance():
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since >= IDLE_BEFORE_CARRYING_FORWARD:
            self.carry_forward()
        self._heart.beat(has_more=self.has_more)
        if not self.has_more:
            self._hold_workers(is_held=False)
            self._rest(self._patience())

    def advance(self) -> int:
        """One page from each leader, from the one that brings new work only if there was nothing else
        to do; how many events there were."""
        if self._must_check:  # all of them, before anything is processed of any
            for subscription in self.subscriptions:
                subscription.check()
            self._must_check = False
        count = 0
        self.has_more = False
        for subscription in self.subscriptions:
            brings_new_work = subscription.leader.name == subscription.follower.begins_with
            if self.wakeup.is_stopping or (brings_new_work and count):
                self.has_more = True  # perhaps: it was not looked at
                break
            count += subscription.advance(self._turn)
            self.pulse.beat()
            self.has_more |= subscription.has_more
        if count:
            for wakeup in self.on_progress:
                wakeup.ring()
        return count

    def carry_forward(self) -> None:
        """Record positions that moved without effect."""
        for subscription in self.subscriptions:
            subscription.carry_forward()

    def _rest(self, seconds: float) -> None:
        """Have nothing to do until rung, or so long; the heart goes on beating."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.wakeup.is_rung:
            self.rest(min(left, self._heart.due_in()))
            self._heart.beat(has_more=False)

    def _hold_workers(self, *, is_held: bool) -> None:
        for wakeup in self.on_progress:
            if wakeup.is_held != is_held:
                wakeup.is_held = is_held
                wakeup.ring()

    def _patience(self) -> float:
        """How many seconds to wait for a ring before looking without one."""
        if any(subscription.is_ahead_of_its_record for subscription in self.subscriptions):
            return min(self._poll_seconds, IDLE_BEFORE_CARRYING_FORWARD)
        if all(self._hears(subscription.leader.name) for subscription in self.subscriptions):
            # Not all followers of all processes at the same moment.
            return max(self._poll_seconds, LOOK_EVERY_SECONDS * random.uniform(0.8, 1.0))
        return self._poll_seconds

    def back_off(self, error: Exception, seconds: float) -> None:
        """See `BackgroundLoop.back_off`."""
        with self.pulse.unmoved():
            self._heart.beat(has_more=True, error=error)
        if isinstance(error, LogDisagrees):  # it waits for a person, and no other process would do better
            self._must_check = True
            self._hold_workers(is_held=True)
            self.rest(seconds)
        else:
            super().back_off(error, seconds)
