"""A clock that stands still until a test moves it, and can be wrong."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from system.bootstrap import Clock
from tests.support.stories import FRIDAY_NOON


class StandingClock:
    """Tells the same time until it is put forward."""

    def __init__(self, now: datetime = FRIDAY_NOON) -> None:
        self.now = now
        self._passed = 0.0

    def __call__(self) -> datetime:
        return self.now

    def put_forward(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += timedelta(seconds=seconds)
        self._passed += seconds

    def put_wrong(self, seconds: float) -> None:
        """Have it tell a time that is so much later, or earlier, though no time has passed."""
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        """How many seconds have passed, whatever it tells."""
        return self._passed


def monotonic_of(clock: Clock) -> Callable[[], float]:
    """What counts the seconds that pass beside a clock."""
    return clock.monotonic if isinstance(clock, StandingClock) else time.monotonic
