"""The heart of a loop: about every two seconds it writes down that the loop turns, and how fast.

It is the loop's own thread that does it, between pages, so a loop that hangs has no heartbeat. What
cannot be written is left out: nobody waits for a heartbeat, and none is worth stopping for.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from system.persistence.agreement import LogDisagrees
from system.persistence.faults import STORE_FAULTS
from system.persistence.full_disk import is_full
from system.persistence.heartbeats import Beat

from .subscription import Subscription

BEAT_EVERY_SECONDS = 2.0

AFTER_A_FAILURE_SECONDS = 5.0
"""So long no beat is tried after one that could not be written: who asks a store that is away waits. One
that fails makes nobody silent."""

MEASURED_SECONDS = 60.0
"""The rate is that of the last minute, or since the follower fell behind if that is later."""

SHORTEST_SECONDS = 3.0
"""Over a shorter time no rate is told: one page more or less would make too much of a difference."""

log = structlog.get_logger()


class _Sample(NamedTuple):
    """What was so at a moment: events handled, where the log ended (None when that was not asked), and
    whether there was more to do at once."""

    at: float
    handled: int
    head: int | None
    is_behind: bool


class Pace:
    """How fast a follower handles the events of one log, from samples of the last minute.

    While it is behind only what was measured since then counts: what it did while there was little to do
    says nothing about how fast it can be.
    """

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def add(self, sample: _Sample) -> None:
        """One more, and those that are too old go."""
        self._samples.append(sample)
        while len(self._samples) > 2 and self._samples[1].at <= sample.at - MEASURED_SECONDS:
            self._samples.popleft()

    def told(self) -> tuple[float | None, float, int | None, int | None]:
        """Events a second, over how many seconds, and where the log ended before and after these."""
        last = self._samples[-1]
        behind = self._since_it_fell_behind()
        if behind is not None and last.at - behind.at >= SHORTEST_SECONDS:
            first, heads = behind, (behind.head, last.head)
        else:
            first, heads = self._samples[0], (None, None)
        seconds = last.at - first.at
        rate = (last.handled - first.handled) / seconds if seconds >= SHORTEST_SECONDS else None
        return rate, seconds, *heads

    def _since_it_fell_behind(self) -> _Sample | None:
        first = None
        for sample in reversed(self._samples):
            if not sample.is_behind:
                break
            first = sample
        return first


class Heart:
    """Beats for one loop, in its thread."""

    def __init__(
        self, subscriptions: Sequence[Subscription], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._subscriptions = subscriptions
        self._follower = subscriptions[0].follower
        self._monotonic = monotonic
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._paces = {subscription.leader.name: Pace() for subscription in subscriptions}
        self._next = 0.0
        self._fails = False

    def due_in(self) -> float:
        """How many seconds there are until the next beat."""
        return max(self._next - self._monotonic(), 0.0)

    def begin(self) -> None:
        """Beat for the first time, before the first page: the loop might hang in that already."""
        if self._next == 0.0:
            self.beat(has_more=False)

    def beat(self, *, has_more: bool, error: Exception | None = None) -> None:
        """Beat if it is time to: the loop turns, and may have more to read; or it pauses after an error."""
        now = self._monotonic()
        if now < self._next:
            return
        self._next = now + BEAT_EVERY_SECONDS
        fault = told(error) if error is not None else None
        try:
            beats = [self._beat_of(each, has_more=has_more, fault=fault) for each in self._subscriptions]
            self._follower.recorder.beat(beats)
            self._fails = False
        except Exception as failure:  # whatever it is: without it nothing is lost but that somebody sees it
            self._next = self._monotonic() + AFTER_A_FAILURE_SECONDS
            if not self._fails:
                log.warning(
                    "the heartbeat cannot be written", follower=self._follower.name, error=str(failure)
                )
            self._fails = True

    def _beat_of(self, subscription: Subscription, *, has_more: bool, fault: str | None) -> Beat:
        leader = subscription.leader.name
        # Where it is level the log ends, as far as it knows; and whoever pauses asks nobody.
        head = subscription.head() if has_more and fault is None else None
        pace = self._paces[leader]
        pace.add(_Sample(self._monotonic(), subscription.handled, head, has_more))
        rate, seconds, before, after = pace.told()
        return Beat(
            self._follower.name,
            leader,
            self._process,
            subscription.handled,
            None if rate is None else round(rate, 3),
            round(seconds, 3),
            before if after is not None else None,
            after if before is not None else None,
            fault,
        )


def told(error: Exception) -> str:
    """Why a loop pauses, in words that go on after "it pauses" and that anybody may read: what an error says
    of hosts and files is in the log of the process alone."""
    if isinstance(error, LogDisagrees):
        return f"because {error}"
    if is_full(error):
        return "because the disk of a store is full"
    if isinstance(error, STORE_FAULTS):
        return f"because a store does not answer, or refuses ({type(error).__name__})"
    return f"after an unexpected error ({type(error).__name__})"
