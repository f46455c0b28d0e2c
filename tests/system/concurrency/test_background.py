"""Work in the background: it is woken, rests, pauses while it fails, and stops when it is told to."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from system.concurrency import background
from system.concurrency.background import BackgroundLoop
from tests.support.waiting import PATIENCE_SECONDS, wait_until


class Away(Exception):
    """What comes right by itself."""


class Loop(BackgroundLoop):
    """Counts its rounds, and does in each of them what it is told to; then rests until rung."""

    faults = (Away,)
    pausing = "the loop pauses"
    failed = "the loop failed"

    def __init__(self) -> None:
        super().__init__("a-loop", shop="one")
        self.rounds = 0
        self.each_round: Callable[[], object] = lambda: None
        self.pauses: list[float] = []

    def work(self) -> None:
        """One round."""
        self.rounds += 1
        self.each_round()
        self.rest(10 * PATIENCE_SECONDS)  # so nobody takes the end of it for a ring

    def back_off(self, error: Exception, seconds: float) -> None:
        """As the others, and remember how long."""
        self.pauses.append(seconds)
        super().back_off(error, seconds)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """A loop that rests for longer than any test waits, and pauses for moments. It is stopped in the end."""
    monkeypatch.setattr(Loop, "first_pause", 0.001)
    monkeypatch.setattr(background, "LONGEST_PAUSE", 0.004)
    loop = Loop()
    yield loop
    loop.stop()
    if loop.is_alive():
        loop.join(PATIENCE_SECONDS)
        assert not loop.is_alive()


def begun(loop: Loop, rounds: int = 1) -> Loop:
    """The loop, started, after so many rounds."""
    loop.start()
    wait_until(lambda: loop.rounds >= rounds)
    return loop


def failing(times: int, error: Exception) -> Callable[[], object]:
    """What fails so many times, and then no more."""
    left = iter([error] * times)

    def attempt() -> None:
        for one in left:
            raise one

    return attempt


def test_a_ring_wakes_it_while_it_rests(loop: Loop) -> None:
    begun(loop)
    loop.wakeup.ring()
    wait_until(lambda: loop.rounds == 2)


def test_a_ring_in_the_middle_of_a_round_is_not_missed(loop: Loop) -> None:
    loop.each_round = lambda: loop.wakeup.ring() if loop.rounds == 1 else None
    begun(loop, rounds=2)


def test_it_pauses_longer_and_longer_while_it_fails_and_says_so_once(loop: Loop) -> None:
    loop.each_round = failing(4, Away("no answer"))
    with capture_logs() as logs:
        begun(loop, rounds=5)

    assert loop.pauses == [0.001, 0.002, 0.004, 0.004]
    assert logs == [{"event": "the loop pauses", "log_level": "warning", "shop": "one", "error": "no answer"}]


def test_while_it_pauses_it_says_why_and_afterwards_nothing(loop: Loop) -> None:
    told: list[str | None] = []
    fails = failing(1, Away("no answer"))

    def attempt() -> None:
        told.append(loop.fault)
        fails()

    loop.each_round = attempt
    begun(loop, rounds=2)
    loop.wakeup.ring()
    wait_until(lambda: len(told) == 3)

    assert told == [None, "Away: no answer", None]


def test_after_it_went_well_the_next_pause_is_a_short_one(loop: Loop) -> None:
    loop.each_round = failing(3, Away("no answer"))
    begun(loop, rounds=4)
    loop.each_round = failing(1, Away("no answer"))
    loop.wakeup.ring()
    wait_until(lambda: len(loop.pauses) == 4)

    assert loop.pauses == [0.001, 0.002, 0.004, 0.001]


def test_a_fault_in_the_program_is_logged_with_its_stack_and_is_no_end(loop: Loop) -> None:
    loop.each_round = failing(1, ZeroDivisionError("by zero"))
    with capture_logs() as logs:
        begun(loop, rounds=2)

    assert loop.pauses == [0.004]
    assert logs == [{"event": "the loop failed", "log_level": "error", "shop": "one", "exc_info": True}]


def test_told_to_stop_while_it_rests_it_stops_at_once(loop: Loop) -> None:
    begun(loop)
    began = time.monotonic()
    loop.stop()
    loop.join(PATIENCE_SECONDS)

    assert not loop.is_alive()
    assert time.monotonic() - began < PATIENCE_SECONDS, "it did not rest to the end"
    assert loop.rounds == 1


def test_told_to_stop_in_the_middle_of_a_round_it_ends_after_that(loop: Loop) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def attempt() -> None:
        inside.set()
        go_on.wait(PATIENCE_SECONDS)

    loop.each_round = attempt
    begun(loop)
    assert inside.wait(PATIENCE_SECONDS)
    loop.stop()
    assert loop.is_alive()
    go_on.set()
    loop.join(PATIENCE_SECONDS)

    assert not loop.is_alive()
    assert loop.rounds == 1


def test_while_it_is_held_it_does_nothing(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def while_held() -> None:
        looked.append(loop.rounds)
        time.sleep(0.001)

    monkeypatch.setattr(loop, "while_held", while_held)
    loop.wakeup.is_held = True
    loop.start()
    wait_until(lambda: len(looked) >= 3)
    assert set(looked) == {0}

    loop.wakeup.is_held = False
    loop.wakeup.ring()
    wait_until(lambda: loop.rounds == 1)
