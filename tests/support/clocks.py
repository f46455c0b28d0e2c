"""A clock that stands still until a test moves it."""

from datetime import datetime, timedelta

from tests.support.stories import FRIDAY_NOON


class StandingClock:
    """Tells the same time until it is put forward."""

    def __init__(self, now: datetime = FRIDAY_NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def put_forward(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += timedelta(seconds=seconds)
