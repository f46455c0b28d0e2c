"""Every event says who, why and when; a reaction says which event it reacts to."""

from contextvars import Context
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from domain.orders import Order, OrderLine
from domain.shared.causes import Cause, NoCause, because_of, current_cause
from domain.shared.ids import event_id
from tests.support.stories import ADA_ASKS, FRIDAY_NOON, ORDER_ID, given, new_events


def placed() -> Order:
    return Order.place(
        ORDER_ID,
        customer_id="ada",
        currency="USD",
        payment_method="pm_ok",
        items=(OrderLine("TEAPOT", 1, Decimal(40)),),
    )


def test_an_event_carries_the_metadata_of_the_command_behind_it() -> None:
    (created,) = new_events(placed())

    assert created.timestamp == FRIDAY_NOON
    assert created.event_id == event_id(ORDER_ID, 1)
    assert created.correlation_id == str(ORDER_ID)
    assert created.causation_id == "ada-1"
    assert created.command_id == "ada-1"
    assert created.user == "ada"


def test_a_reaction_stays_in_the_conversation_and_names_the_event_it_reacts_to() -> None:
    order = placed()
    (created,) = new_events(order)

    with because_of(Cause.event(created)):
        order.confirm()

    (confirmed,) = new_events(order)
    assert confirmed.causation_id == created.event_id
    assert confirmed.correlation_id == created.correlation_id
    assert (confirmed.command_id, confirmed.user) == ("ada-1", "ada")
    assert confirmed.timestamp == created.timestamp


def test_a_reaction_may_have_a_time_of_its_own() -> None:
    (created,) = new_events(placed())

    assert Cause.event(created, FRIDAY_NOON + timedelta(minutes=5)).time == FRIDAY_NOON + timedelta(minutes=5)


def test_time_never_runs_backwards_within_a_stream() -> None:
    order = given(placed())

    with because_of(Cause(FRIDAY_NOON - timedelta(days=3), str(ORDER_ID), "late news")):
        order.confirm()

    (confirmed,) = new_events(order)
    assert confirmed.timestamp == FRIDAY_NOON


def test_times_are_utc_whatever_the_caller_speaks() -> None:
    kiritimati = datetime(2024, 5, 18, 2, 0, tzinfo=timezone(timedelta(hours=14)))

    assert Cause(kiritimati, "c", "e").time == FRIDAY_NOON
    assert Cause(kiritimati, "c", "e").time.tzinfo is UTC


def test_the_same_fact_recorded_again_has_the_same_ids() -> None:
    assert new_events(placed()) == new_events(placed())


def test_nothing_is_recorded_outside_of_a_cause() -> None:
    with pytest.raises(NoCause):
        Context().run(placed)


def test_a_cause_ends_with_its_block_even_after_an_error() -> None:
    def fail() -> None:
        with because_of(Cause(FRIDAY_NOON, "c", "inner")):
            assert current_cause().causation_id == "inner"
            raise RuntimeError("the policy failed")

    with pytest.raises(RuntimeError):
        fail()

    assert current_cause() == ADA_ASKS
