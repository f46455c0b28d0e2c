"""Whether a thread moves: what tells one that works, or has nothing to do, from one that hangs."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

LONGEST_STEP_SECONDS = 60.0
"""So long may a thread compute without a sign of life; each event of a page is one."""

LONGEST_SILENCE_SECONDS = 8.0
"""So long may it wait for the store, or fail, without an answer. It is less than what a statement is waited
for, so a thread that hangs in one is noticed before it is let go."""


class Pulse:
    """Beaten by the thread that it belongs to, and felt by any other.

    The time is always set before the limit, and read after it, so nobody is taken for still by mistake.
    """

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._limit = math.inf
        self._behind: Callable[[], float] | None = None

    def belongs_here(self) -> None:
        """From now on it is the pulse of this thread."""
        _mine.pulse = self
        self.beat()

    def beat(self) -> None:
        """It moves: something is done, or was answered."""
        self._at = time.monotonic()
        self._limit = LONGEST_STEP_SECONDS

    def asks(self) -> None:
        """It waits for the store. Asking again after a failure is no progress."""
        if self._limit != LONGEST_SILENCE_SECONDS:
            self._at = time.monotonic()
            self._limit = LONGEST_SILENCE_SECONDS

    def fails(self) -> None:
        """It could not go on, and will try again."""
        self._limit = LONGEST_SILENCE_SECONDS

    def rest(self, wait: Callable[[], T]) -> T:
        """It has nothing to do until something happens."""
        self._limit = math.inf
        happened = wait()
        self.beat()
        return happened

    def stands_by(self, wait: Callable[[], object], behind: Callable[[], float]) -> None:
        """It waits for another thread, and is as still as that one is; afterwards it is as it was."""
        began = time.monotonic()
        self._behind = behind
        wait()
        self._at += time.monotonic() - began
        self._behind = None

    @contextmanager
    def unmoved(self) -> Iterator[None]:
        """What is done meanwhile is no progress, whether it succeeds or not."""
        before = self._at, self._limit
        try:
            yield
        finally:
            self._at, self._limit = before

    def still_for(self) -> float:
        """For how many seconds it should have moved and has not; 0 while all is well."""
        behind = self._behind
        if behind is not None:
            return behind()
        limit = self._limit
        still = time.monotonic() - self._at
        return still if still > limit else 0.0


class _Mine(threading.local):
    pulse: Pulse | None = None


_mine = _Mine()


def of_this_thread() -> Pulse | None:
    """The pulse of the thread that asks, if it has one."""
    return _mine.pulse
