"""A refund is made once and in full; one that fails is tried again, and then waits for a person."""

from collections.abc import Callable

import pytest

from domain.payments import Payment, PaymentStatus
from domain.payments.payment import PaymentNotCompleted
from tests.domain.payments.made import (
    MAX_ATTEMPTS,
    being_refunded,
    completed,
    not_refunded,
    requested,
    trouble,
)
from tests.support.stories import facts, given, new_events


def test_a_completed_payment_is_refunded_once_in_full() -> None:
    payment = completed()

    payment.request_refund()
    payment.request_refund()
    payment.refund_made(1)
    payment.refund_made(1)
    payment.request_refund()

    assert facts(payment) == ["RefundRequested", "Refunded"]
    assert payment.status is PaymentStatus.REFUNDED


def test_a_refund_that_fails_five_times_waits_for_a_person_and_may_still_be_made() -> None:
    payment = being_refunded()

    for attempt in range(1, MAX_ATTEMPTS + 1):
        payment.refund_attempt_failed(
            attempt, trouble("account closed", attempt, is_last=attempt == MAX_ATTEMPTS)
        )
    assert facts(payment) == ["RefundAttemptFailed"] * 4 + ["RefundFailed"]
    given_up = payment.status

    payment.refund_attempt_failed(MAX_ATTEMPTS, trouble("account closed"))
    payment.refund_made(MAX_ATTEMPTS + 1)
    assert facts(payment) == ["Refunded"]
    assert [given_up, payment.status] == [PaymentStatus.REFUND_FAILED, PaymentStatus.REFUNDED]


def test_each_silence_about_a_refund_is_noted_once_and_counted_anew_for_each_attempt() -> None:
    payment = being_refunded()

    for times in (1, 1, 2, 1):
        payment.refund_unanswered(1, trouble("timed out", times))
    payment.refund_attempt_failed(1, trouble("503"))
    payment.refund_unanswered(2, trouble("timed out", 1))

    assert facts(payment) == [
        "RefundUnanswered",
        "RefundUnanswered",
        "RefundAttemptFailed",
        "RefundUnanswered",
    ]


def test_a_refund_that_failed_for_good_is_tried_again_under_a_number_of_its_own_as_often_as_asked() -> None:
    payment = not_refunded()

    payment.request_refund()
    payment.request_refund()

    (asked,) = new_events(payment)
    assert (asked.TOPIC, asked.attempt) == ("Payment.RefundRequested", MAX_ATTEMPTS + 1)
    payment.refund_attempt_failed(MAX_ATTEMPTS, trouble("word of the last attempt, once more", is_last=True))
    assert facts(payment) == []
    payment.refund_unanswered(MAX_ATTEMPTS + 1, trouble("timed out"))
    payment.refund_attempt_failed(MAX_ATTEMPTS + 1, trouble("account closed", is_last=True))
    payment.request_refund()
    assert [type(event).__name__ for event in payment.pending_events] == [
        "RefundUnanswered",
        "RefundFailed",
        "RefundRequested",
    ]
    assert payment.attempt == MAX_ATTEMPTS + 2


@pytest.mark.parametrize("make", [being_refunded, not_refunded])
def test_a_refund_that_an_earlier_attempt_made_after_all_is_a_refund(make: Callable[[], Payment]) -> None:
    payment = make()
    payment.refund_attempt_failed(1, trouble("503"))
    given(payment)

    payment.refund_made(1)
    payment.refund_made(2)
    payment.request_refund()

    (made,) = new_events(payment)
    assert (made.TOPIC, made.attempt) == ("Payment.Refunded", 1)
    assert payment.status is PaymentStatus.REFUNDED


def test_a_refund_that_nobody_asked_for_is_not_believed() -> None:
    payment = completed()

    payment.refund_made(1)
    payment.refund_attempt_failed(1, trouble("account closed", is_last=True))
    payment.refund_unanswered(1, trouble("timed out"))

    assert facts(payment) == []
    assert payment.status is PaymentStatus.COMPLETED


def test_only_what_the_provider_failed_to_refund_is_refunded_by_hand_and_once() -> None:
    payment = not_refunded()

    payment.refunded_by_hand("transfer 4711", "the card is closed")
    payment.refunded_by_hand("transfer 4712", "asked twice")

    (by_hand,) = new_events(payment)
    assert (by_hand.TOPIC, by_hand.reference) == ("Payment.RefundedByHand", "transfer 4711")
    for make in (requested, completed, being_refunded):
        with pytest.raises(PaymentNotCompleted):
            make().refunded_by_hand("transfer 4711", "the card is closed")
