"""What a person may do by hand: have it asked again, taken as done or as undone, and never what is not so."""

from typing import Any

import pytest

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, Fulfilment, SagaStatus
from domain.fulfilment.interventions import (
    FulfilmentOver,
    InterventionRefused,
    StepNotAwaited,
    UnknownStep,
    force_complete,
    force_fail,
    resume_from,
    retry,
)
from tests.domain.fulfilment.news import after, hear
from tests.support.stories import facts, new_events

WHY = "olga has looked at it"
CUSTOMER = "cancelled by the customer"


def nothing_missed(_: Fulfilment) -> None:
    """There was no news."""


@pytest.mark.parametrize(
    ("so_far", "asked", "attempt"),
    [
        ([], "PaymentRequested", 2),
        (["charge failed once"], "PaymentRequested", 3),
        (["paid"], "ReservationRequested", 2),
        (["paid", "out of stock"], "RefundRequested", 2),
        (["paid", "out of stock", "refund failed for good"], "RefundRequested", 2),
        (["paid", "reserved", "confirmed", CUSTOMER], "ReleaseRequested", 2),
        (["paid", "reserved"], "ConfirmationRequested", None),
        (["declined"], "CancellationRequested", None),
        (["paid", "out of stock", "refunded"], "CancellationRequested", None),
    ],
)
def test_a_retry_asks_once_more_for_whatever_is_awaited(
    so_far: list[str], asked: str, attempt: int | None
) -> None:
    fulfilment = after(*so_far)

    retry(fulfilment, WHY, nothing_missed)

    made, request = new_events(fulfilment)
    assert (made.TOPIC, made.action, made.reason) == ("Fulfilment.InterventionMade", "retry", WHY)
    assert (type(request).__name__, getattr(request, "attempt", None)) == (asked, attempt)


def test_a_retry_that_brings_news_asks_for_nothing_twice() -> None:
    fulfilment = after()

    retry(fulfilment, WHY, lambda f: hear(f, "paid"))

    assert facts(fulfilment) == ["InterventionMade", "StepCompleted", "ReservationRequested"]


def test_it_is_resumed_from_the_step_that_is_awaited() -> None:
    fulfilment = after("paid")

    resume_from(fulfilment, RESERVE_INVENTORY, WHY, nothing_missed)

    assert facts(fulfilment) == ["InterventionMade", "ReservationRequested"]


@pytest.mark.parametrize(
    ("so_far", "step", "why_not"),
    [
        (["paid"], PROCESS_PAYMENT, "ProcessPayment is COMPLETED; the fulfilment waits for ReserveInventory"),
        ([], RESERVE_INVENTORY, "ReserveInventory is not begun; the fulfilment waits for ProcessPayment"),
        (
            ["paid", "reserved"],
            RESERVE_INVENTORY,
            "is COMPLETED; the fulfilment waits for the end of the order",
        ),
        (
            ["paid"],
            "PaintTheFence",
            "no step 'PaintTheFence'; the steps are ProcessPayment, ReserveInventory",
        ),
    ],
)
def test_from_no_other_step_is_it_resumed(so_far: list[str], step: str, why_not: str) -> None:
    fulfilment = after(*so_far)

    with pytest.raises((StepNotAwaited, UnknownStep), match=why_not) as refused:
        resume_from(fulfilment, step, WHY, nothing_missed)

    assert refused.value.field == "/step"
    assert facts(fulfilment) == []


@pytest.mark.parametrize("so_far", [[], ["paid"], ["paid", "reserved"]])
def test_what_is_done_in_truth_is_taken_as_done_and_the_order_is_to_be_confirmed(so_far: list[str]) -> None:
    fulfilment = after(*so_far)

    force_complete(fulfilment, WHY, missing=None)

    first, *_, last = facts(fulfilment)
    assert (first, last) == ("InterventionMade", "ConfirmationRequested")
    hear(fulfilment, "confirmed")
    assert fulfilment.status is SagaStatus.COMPLETED


@pytest.mark.parametrize(
    "so_far",
    [
        [CUSTOMER],
        ["paid", "out of stock"],
        ["paid", "out of stock", "refund failed for good"],
        ["paid", "reserved", "confirmed", CUSTOMER],
        ["declined"],
    ],
)
def test_what_is_being_undone_cannot_be_taken_as_done(so_far: list[str]) -> None:
    fulfilment = after(*so_far)

    with pytest.raises(InterventionRefused, match="being undone already"):
        force_complete(fulfilment, WHY, missing=None)

    assert facts(fulfilment) == []
    assert fulfilment.status is SagaStatus.COMPENSATING


@pytest.mark.parametrize(
    "so_far",
    [
        [],
        ["paid"],
        ["paid", "reserved"],
        ["paid", "out of stock"],
        ["paid", "out of stock", "refund failed for good"],
        ["paid", CUSTOMER],
        ["paid", "reserved", "confirmed", CUSTOMER],
        ["paid", "reserved", "confirmed", CUSTOMER, "release failed for good"],
        [CUSTOMER],
        ["declined"],
        ["paid", "out of stock", "refunded"],
    ],
)
def test_when_nothing_is_held_in_truth_it_ends_as_failed(so_far: list[str]) -> None:
    fulfilment = after(*so_far)

    force_fail(fulfilment, WHY, held=None)

    first, *_, last = facts(fulfilment)
    assert first == "InterventionMade"
    assert last == ("Failed" if CUSTOMER in so_far else "CancellationRequested")
    if CUSTOMER not in so_far:
        hear(fulfilment, "cancelled by us")
    assert fulfilment.status is SagaStatus.FAILED


def test_what_is_missing_or_held_in_truth_is_refused_and_nothing_is_recorded() -> None:
    fulfilment = after("paid")

    with pytest.raises(InterventionRefused, match="no stock"):
        force_complete(fulfilment, WHY, missing="no stock")
    with pytest.raises(InterventionRefused, match="money"):
        force_fail(fulfilment, WHY, held="money")

    assert facts(fulfilment) == []


@pytest.mark.parametrize("ending", [["paid", "reserved", "confirmed"], ["declined", "cancelled by us"]])
@pytest.mark.parametrize(
    "act",
    [
        lambda f: retry(f, WHY, nothing_missed),
        lambda f: resume_from(f, PROCESS_PAYMENT, WHY, nothing_missed),
        lambda f: force_complete(f, WHY, missing=None),
        lambda f: force_fail(f, WHY, held=None),
    ],
    ids=["retry", "resume", "complete", "fail"],
)
def test_what_has_come_to_its_end_is_left_alone(ending: list[str], act: Any) -> None:
    fulfilment = after(*ending)

    with pytest.raises(FulfilmentOver):
        act(fulfilment)

    assert facts(fulfilment) == []
