"""What failed is tried again: not too often, not too long, and not all at once."""

from datetime import timedelta

from hypothesis import given as forall
from hypothesis import strategies as st

from domain.shared.retrying import JITTER, RetryPolicy
from tests.support.stories import FRIDAY_NOON

SECOND = timedelta(seconds=1)
POLICY = RetryPolicy(
    attempts=5, within=timedelta(minutes=10), first_pause=SECOND, longest_pause=timedelta(minutes=1)
)


def test_it_ends_after_so_many_attempts() -> None:
    next_at = [POLICY.next_at(failures, timedelta(), FRIDAY_NOON, "one") for failures in range(1, 7)]

    assert [at is None for at in next_at] == [False] * 4 + [True] * 2


def test_it_ends_after_so_long_however_few_the_attempts_were() -> None:
    almost = POLICY.within - timedelta(seconds=5)

    assert POLICY.next_at(2, almost, FRIDAY_NOON, "one") is not None
    assert POLICY.next_at(2, POLICY.within, FRIDAY_NOON, "one") is None


def test_the_last_attempt_may_fall_on_the_very_end_of_the_time_allowed() -> None:
    pause = POLICY.pause(2, "one")

    assert POLICY.next_at(2, POLICY.within - pause, FRIDAY_NOON, "one") == FRIDAY_NOON + pause
    assert POLICY.next_at(2, POLICY.within - pause + timedelta.resolution, FRIDAY_NOON, "one") is None


@forall(failures=st.integers(1, 2000), seed=st.text())
def test_a_pause_doubles_up_to_the_longest_and_is_longer_by_a_quarter_at_most(
    failures: int, seed: str
) -> None:
    least = min(SECOND * 2.0 ** min(failures - 1, 20), POLICY.longest_pause)

    assert least <= POLICY.pause(failures, seed) <= least * (1 + JITTER)
    assert POLICY.pause(failures, seed) <= POLICY.longest_possible_pause
    assert POLICY.pause(failures, seed) == POLICY.pause(failures, seed)


def test_the_longest_pause_there_can_be_is_a_quarter_longer_than_the_longest() -> None:
    assert POLICY.longest_possible_pause == timedelta(seconds=75)


def test_what_failed_together_is_not_tried_again_together() -> None:
    assert len({POLICY.pause(1, str(number)) for number in range(100)}) > 50
