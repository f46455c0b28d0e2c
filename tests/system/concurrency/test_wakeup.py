"""A bell: who sleeps is not woken by rings, and no ring that tells to go home is ever lost."""

import threading

import pytest

from system.concurrency.wakeup import Wakeup
from tests.support.waiting import PATIENCE_SECONDS, wait_until


@pytest.fixture
def wakeup() -> Wakeup:
    """A bell that nobody has rung."""
    return Wakeup()


def asleep(wakeup: Wakeup) -> threading.Thread:
    """A thread that sleeps for minutes."""
    sleeper = threading.Thread(target=lambda: wakeup.sleep(PATIENCE_SECONDS), daemon=True)
    sleeper.start()
    return sleeper


def test_who_sleeps_hears_rings_and_sleeps_on(wakeup: Wakeup) -> None:
    sleeper = asleep(wakeup)
    for _ in range(3):
        wakeup.ring()
        wait_until(lambda: not wakeup._bell.is_set(), what="the ring is heard")

    assert sleeper.is_alive()
    wakeup.stop()
    sleeper.join(PATIENCE_SECONDS)
    assert not sleeper.is_alive()


def test_told_to_go_home_in_the_moment_in_which_earlier_rings_are_forgotten_it_goes(
    wakeup: Wakeup, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget = wakeup._bell.clear

    def told_to_go_home_just_before() -> None:
        wakeup.stop()
        forget()

    monkeypatch.setattr(wakeup._bell, "clear", told_to_go_home_just_before)
    wakeup.clear()

    assert wakeup._bell.is_set(), "who waits next goes home at once"
