"""The parking lot: what is put aside waits in order, and leaves only from the front."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as any_given
from hypothesis import strategies as st

from domain.shared.causes import Cause, because_of
from system.followers import parked
from system.followers.parked import CaseNotFound, EarlierEventWaits, ParkedEvent, Pointer, error_text
from system.followers.parking import ParkingLot
from tests.support.stories import ADA_ASKS, FRIDAY_NOON, facts, given, new_events, replayed, state

STREAM = UUID(int=7)


def event(position: int, sequence: str = "order-1", leader: str = "Payments") -> Pointer:
    return Pointer(sequence, leader, position, "Payment.Completed", STREAM, position)


def later(minutes: int, command_id: str = "opal-1") -> Cause:
    return Cause.command(
        time=FRIDAY_NOON + timedelta(minutes=minutes),
        correlation_id="order-1",
        command_id=command_id,
        user="opal",
    )


@pytest.fixture
def lot() -> ParkingLot:
    """An event of order 1 is parked at noon, two more are held back behind it; one of order 2 is parked."""
    with because_of(ADA_ASKS):
        lot = ParkingLot.open("SagaLog")
        lot.park(event(1), "ValueError: no", 3)
        lot.hold_back(event(2))
        lot.hold_back(event(3))
        lot.park(event(4, "order-2"), "KeyError: no", 3)
    return given(lot)


def waiting(lot: ParkingLot, sequence: str = "order-1") -> list[int]:
    return [one.position for one in lot.parked.get(sequence, [])]


def test_an_event_waits_once(lot: ParkingLot) -> None:
    with because_of(ADA_ASKS):
        lot.park(event(1), "another error", 3)
        lot.hold_back(event(2))
        lot.hold_back(event(1))
        assert facts(lot) == []
        lot.hold_back(event(1, leader="Orders"))  # another log has a position 1 of its own
    assert waiting(lot) == [1, 2, 3, 1]


def test_what_was_processed_after_all_leaves_and_the_next_is_the_first(lot: ParkingLot) -> None:
    with because_of(later(5)):
        lot.retried(event(1), "fixed")
    (fact,) = new_events(lot)
    assert (type(fact).__name__, fact.position, fact.reason, fact.user) == (
        "EventRetried",
        1,
        "fixed",
        "opal",
    )
    assert lot.first_of("Payments", 2).error is None
    assert lot.holds_back("order-1") == "order-1"
    with because_of(later(6)):
        lot.retried(event(2), None)
        lot.discard(event(3), "of no use")
    assert lot.holds_back("order-1") is None
    assert facts(lot) == ["EventRetried", "EventDiscarded"]
    assert waiting(lot, "order-2") == [4]


def test_a_retry_that_fails_counts_and_remembers_the_last_error(lot: ParkingLot) -> None:
    with because_of(later(5)):
        lot.retry_failed(event(1), "TypeError: still no", "perhaps now")
    first = lot.first_of("Payments", 1)
    assert (first.attempts, first.error) == (4, "TypeError: still no")
    assert (first.first_at, first.last_at) == (FRIDAY_NOON, FRIDAY_NOON + timedelta(minutes=5))
    assert waiting(lot) == [1, 2, 3]
    with because_of(later(6)):
        lot.retried(event(1), None)
        lot.retry_failed(event(2), "TypeError: nor this", None)
    second = lot.first_of("Payments", 2)
    assert (second.attempts, second.first_at, second.last_at) == (
        1,
        FRIDAY_NOON,
        FRIDAY_NOON + timedelta(minutes=6),
    )


@pytest.mark.parametrize("act", ["retried", "retry_failed", "discard"])
def test_only_the_first_of_a_sequence_can_be_dealt_with(lot: ParkingLot, act: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "retried": (None,),
        "retry_failed": ("no", None),
        "discard": ("x",),
    }
    with because_of(later(5)):
        with pytest.raises(EarlierEventWaits, match="SagaLog:Payments:1"):
            getattr(lot, act)(event(2), *arguments[act])
        with pytest.raises(CaseNotFound):
            getattr(lot, act)(event(9), *arguments[act])
    assert facts(lot) == []


def test_what_a_command_did_is_remembered_for_when_it_is_sent_again(
    lot: ParkingLot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with because_of(later(5, "first")):
        lot.retried(event(1), None)
        lot.retry_failed(event(2), "no", None)
        lot.discard(event(4, "order-2"), "x")
    did = [(outcome.event.position, str(outcome.result)) for outcome in lot.outcomes("first", "Payments", 1)]
    assert did == [(1, "retried"), (2, "failed")]
    assert lot.outcomes("first", "Payments", 2) == lot.outcomes("first", "Payments", 1)
    assert [outcome.event.position for outcome in lot.outcomes("first", "Payments", 4)] == [4]
    assert lot.outcomes("second", "Payments", 1) == lot.outcomes("first", "Payments", 3) == ()
    monkeypatch.setattr(parked, "KEPT_RESULTS", 2)
    with because_of(later(6, "second")):
        lot.retried(event(2), None)
    assert lot.outcomes("first", "Payments", 1) == ()
    assert lot.outcomes("second", "Payments", 2) != ()
    assert len(lot.recent.of_event) == 2


def test_what_is_remembered_is_what_the_events_say(lot: ParkingLot) -> None:
    with because_of(later(5)):
        again = ParkingLot.open("SagaLog")
        again.park(event(1), "no", 3)
        again.hold_back(event(2))
        again.retry_failed(event(1), "no", None)
        again.retried(event(1), None)
    assert state(replayed(again.collect_events())) == state(again)


acts = st.lists(
    st.tuples(
        st.sampled_from(["park", "hold_back", "retried", "retry_failed", "discard"]),
        st.integers(1, 6),
        st.sampled_from(["a", "b"]),
    ),
    max_size=30,
)


@any_given(acts)
def test_whatever_is_done_events_leave_in_the_order_in_which_they_came(
    acts: list[tuple[str, int, str]],
) -> None:
    more: dict[str, tuple[Any, ...]] = {
        "park": ("no", 3),
        "hold_back": (),
        "retried": (None,),
        "retry_failed": ("no", None),
        "discard": ("x",),
    }
    with because_of(later(5)):
        lot = ParkingLot.open("SagaLog")
        for act, position, sequence in acts:
            try:
                getattr(lot, act)(event(position, sequence), *more[act])
            except (CaseNotFound, EarlierEventWaits):
                continue
    came: dict[str, list[int]] = {}
    left: dict[str, list[int]] = {}
    events: list[Any] = list(lot.collect_events())
    for one in events[1:]:
        kind = type(one).__name__
        if kind in ("EventParked", "EventHeldBack"):
            came.setdefault(one.sequence, []).append(one.position)
        elif kind != "RetryFailed":
            left.setdefault(one.sequence, []).append(one.position)
    for sequence, positions in came.items():
        gone = left.get(sequence, [])
        assert positions == gone + waiting(lot, sequence)
    assert set(lot.sequences.values()) == set(lot.parked)
    assert all(isinstance(one, ParkedEvent) for ones in lot.parked.values() for one in ones)
    assert state(replayed(events)) == state(lot)


def test_an_error_is_kept_as_a_text_that_every_store_takes() -> None:
    assert error_text(ValueError("a\x00b\ud800c")) == "ValueError: a?b?c"
    assert len(error_text(ValueError("x" * 5000))) == 1000
