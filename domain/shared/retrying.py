"""How often, how long and with which pauses something that failed is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1

JITTER = 0.25
"""A pause is up to this part longer than it would have to be, so that what failed together is not
tried again together."""


@dataclass(frozen=True)
class RetryPolicy:
    """At most so many attempts in all, the last of them not later than `within` after the first failure.

    The first pause doubles with each failure, up to the longest, and `JITTER` lengthens it.
    """

    attempts: int
    within: timedelta
    first_pause: timedelta
    longest_pause: timedelta

    def pause(self, failures: int, seed: str) -> timedelta:
        """How long to wait after so many failures. The same seed always waits equally long."""
        doubled: timedelta = self.first_pause * 2.0 ** min(failures - 1, 30)
        digest = sha1(f"{seed}:{failures}".encode(), usedforsecurity=False).digest()
        return min(doubled, self.longest_pause) * (1 + JITTER * digest[0] / 255)

    @property
    def longest_possible_pause(self) -> timedelta:
        """No pause is longer than this."""
        return self.longest_pause * (1 + JITTER)

    def next_at(
        self, failures: int, failing_for: timedelta, failed_at: datetime, seed: str
    ) -> datetime | None:
        """When to try again after so many failures, the last of them at `failed_at`; None when it was
        tried often or long enough. It has failed for so long; that is measured, not told by two times
        of day, between which a clock may have been put right."""
        pause = self.pause(failures, seed)
        is_enough = failures >= self.attempts or failing_for + pause > self.within
        return None if is_enough else failed_at + pause
