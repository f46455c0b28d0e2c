"""What became of the commands of this process lately."""

import threading
import time
from collections.abc import Callable

REFUSAL_COUNTS_SECONDS = 3.0
"""So long one command that the store did not take speaks against it, unless a later one was taken."""


class RecentCommands:
    """Remembers when the store took a command last, and when it last did not. Safe to use from many
    threads; times are those of `monotonic`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._taken_at: float | None = None
        self._refused_at: float | None = None

    def taken(self) -> None:
        """The store took a command: something new was recorded."""
        with self._lock:
            self._taken_at = self._monotonic()

    def refused(self) -> None:
        """The store did not take a command."""
        with self._lock:
            self._refused_at = self._monotonic()

    def are_refused(self) -> bool:
        """Whether the last command that told anything was not taken, and that is not long ago."""
        with self._lock:
            refused_at, taken_at = self._refused_at, self._taken_at
            if refused_at is None or (taken_at is not None and taken_at >= refused_at):
                return False
            return self._monotonic() - refused_at < REFUSAL_COUNTS_SECONDS

    def taken_since(self, moment: float) -> bool:
        """Whether a command was taken after a moment."""
        with self._lock:
            return self._taken_at is not None and self._taken_at > moment
