"""Events that a follower cannot bear, for as long as a test says."""

from collections.abc import Callable
from typing import Any

import pytest

from system.runner import subscription


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are for production."""
    monkeypatch.setattr(subscription, "PAUSE_BETWEEN_ATTEMPTS", 0.001)


def poison(monkeypatch: pytest.MonkeyPatch, follower: Any, is_poison: Callable[[Any], bool]) -> list[Any]:
    """Have a follower fail at some events; answers the events it failed at."""
    handle, failed = follower.handle, []

    def fails(event: Any, work: Any) -> None:
        handle(event, work)  # what it did before it failed must not count
        if is_poison(event):
            failed.append(event)
            raise ValueError(f"cannot bear {type(event).__name__}")

    monkeypatch.setattr(follower, "handle", fails)
    return failed


class Poison:
    """A fault in a follower that is there until it is cured: it fails at events for which `is_bad`."""

    def __init__(self, follower: Any, is_bad: Callable[[Any], bool]) -> None:
        self._follower, self._handle, self.is_bad = follower, follower.handle, is_bad
        self.failed: list[Any] = []
        follower.handle = self._fails

    def _fails(self, event: Any, work: Any) -> None:
        self._handle(event, work)  # what it did before it failed must not count
        if self.is_bad(event):
            self.failed.append(event)
            raise ValueError(f"cannot bear {type(event).__name__}")

    def cure(self) -> None:
        """The fix is deployed."""
        self._follower.handle = self._handle
