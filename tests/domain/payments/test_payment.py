"""A payment is charged at most once and refunded at most once, whatever the provider says."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.payments import Payment, PaymentStatus, Trouble
from domain.payments.payment import PaymentNotCompleted, PaymentOutcomeContradicted
from domain.shared.ids import payment_id
from domain.shared.money import Money
from tests.support.stories import FRIDAY_NOON, ORDER_ID, facts, given, new_events, replayed, state

MAX_ATTEMPTS = 5


def trouble(error: str, times: int = 1, *, is_last: bool = False) -> Trouble:
    return Trouble(error, FRIDAY_NOON, times, None if is_last else FRIDAY_NOON + timedelta(seconds=times))


def requested() -> Payment:
    return Payment.request(ORDER_ID, payment_method="pm_ok", amount=Money(Decimal("66.90"), "USD"))


def completed() -> Payment:
    payment = requested()
    payment.complete("ch_1", 1)
    return given(payment)


def being_refunded() -> Payment:
    payment = completed()
    payment.request_refund()
    return given(payment)


def not_refunded() -> Payment:
    """A payment whose refund was tried as often as allowed, in vain."""
    payment = being_refunded()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        payment.refund_attempt_failed(
            attempt, trouble("account closed", attempt, is_last=attempt == MAX_ATTEMPTS)
        )
    return given(payment)


def test_an_order_has_one_payment_over_its_whole_total() -> None:
    payment = requested()

    (event,) = new_events(payment)
    assert payment.id == payment_id(ORDER_ID)
    assert (event.order_id, str(event.amount), event.currency) == (ORDER_ID, "66.90", "USD")
    assert (payment.amount, payment.payment_method) == (Money(Decimal("66.90"), "USD"), "pm_ok")


def test_a_charge_completes_and_hearing_it_again_changes_nothing() -> None:
    payment = given(requested())

    payment.complete("ch_1", 1)
    payment.complete("ch_1", 1)

    assert facts(payment) == ["Completed"]
    assert payment.status is PaymentStatus.COMPLETED


def test_a_second_charge_under_another_reference_is_a_contradiction() -> None:
    payment = completed()

    with pytest.raises(PaymentOutcomeContradicted, match="ch_2"):
        payment.complete("ch_2", 1)
    assert facts(payment) == []


def test_a_declined_payment_stays_declined() -> None:
    payment = given(requested())

    payment.decline("card expired", 1)
    payment.decline("card expired", 1)
    with pytest.raises(PaymentOutcomeContradicted):
        payment.complete("ch_1", 1)

    assert facts(payment) == ["Declined"]
    assert payment.status is PaymentStatus.DECLINED


@pytest.mark.parametrize("make", [completed, being_refunded])
def test_a_charged_payment_cannot_be_declined_any_more(make: Callable[[], Payment]) -> None:
    with pytest.raises(PaymentOutcomeContradicted):
        make().decline("card expired", 1)


def test_a_failed_attempt_is_followed_by_the_next_one() -> None:
    payment = given(requested())

    payment.charge_attempt_failed(1, trouble("503"))
    payment.charge_attempt_failed(1, trouble("503, told twice"))
    assert payment.attempt == 2
    payment.complete("ch_1", 2)

    assert facts(payment) == ["ChargeAttemptFailed", "Completed"]


def test_after_the_last_attempt_the_payment_is_declined() -> None:
    payment = given(requested())

    for attempt in range(1, MAX_ATTEMPTS + 1):
        payment.charge_attempt_failed(attempt, trouble("503", attempt, is_last=attempt == MAX_ATTEMPTS))
    payment.charge_attempt_failed(MAX_ATTEMPTS + 1, trouble("503"))

    *failures, declined = new_events(payment)
    assert len(failures) == MAX_ATTEMPTS - 1
    assert declined.reason == "the provider failed 5 times, last with: 503"
    assert payment.status is PaymentStatus.DECLINED


def test_no_answer_is_no_outcome_and_keeps_the_attempt_and_so_the_key() -> None:
    payment = given(requested())

    payment.charge_unanswered(1, trouble("timed out"))
    payment.charge_unanswered(1, trouble("timed out again"))

    assert facts(payment) == ["ChargeUnanswered"]
    assert (payment.status, payment.attempt) == (PaymentStatus.OUTCOME_UNKNOWN, 1)
    payment.complete("ch_1", 1)
    assert facts(payment) == ["Completed"]


def test_each_attempt_may_go_unanswered() -> None:
    payment = given(requested())

    payment.charge_unanswered(1, trouble("timed out"))
    unknown = payment.status
    payment.charge_attempt_failed(1, trouble("503"))
    assert [unknown, payment.status] == [PaymentStatus.OUTCOME_UNKNOWN, PaymentStatus.REQUESTED]
    payment.charge_unanswered(2, trouble("timed out"))

    assert facts(payment) == ["ChargeUnanswered", "ChargeAttemptFailed", "ChargeUnanswered"]


def test_a_completed_payment_is_refunded_once_in_full() -> None:
    payment = completed()

    payment.request_refund()
    payment.request_refund()
    payment.refund_made(1)
    payment.refund_made(1)
    payment.request_refund()

    assert facts(payment) == ["RefundRequested", "Refunded"]
    assert payment.status is PaymentStatus.REFUNDED


@pytest.mark.parametrize("outcome", ["none yet", "declined"])
def test_without_a_charge_there_is_nothing_to_refund(outcome: str) -> None:
    payment = requested()
    if outcome == "declined":
        payment.decline("card expired", 1)
    given(payment)

    with pytest.raises(PaymentNotCompleted):
        payment.request_refund()
    payment.refund_made(1)

    assert facts(payment) == []


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


def test_attempts_of_a_refund_are_counted_anew() -> None:
    payment = requested()
    payment.charge_attempt_failed(1, trouble("503"))
    payment.complete("ch_1", 2)
    payment.request_refund()
    given(payment)

    payment.refund_attempt_failed(1, trouble("503"))

    assert facts(payment) == ["RefundAttemptFailed"]
    assert payment.attempt == 2


def test_late_news_of_the_charge_does_not_disturb_a_refund() -> None:
    payment = being_refunded()

    payment.charge_unanswered(1, trouble("timed out"))
    payment.charge_attempt_failed(1, trouble("503"))
    payment.complete("ch_1", 1)

    assert facts(payment) == []


def test_late_word_of_an_attempt_that_is_over_is_not_taken_for_word_of_the_present_one() -> None:
    payment, refund = given(requested()), being_refunded()
    payment.charge_attempt_failed(1, trouble("503"))
    refund.refund_attempt_failed(1, trouble("503"))
    given(payment)
    given(refund)

    payment.charge_unanswered(1, trouble("timed out", 2))
    refund.refund_unanswered(1, trouble("timed out", 2))

    assert facts(payment) == facts(refund) == []
    assert (payment.status, payment.attempt) == (PaymentStatus.REQUESTED, 2)


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


def test_whether_a_charge_could_be_called_off_is_a_new_question_whose_silences_are_noted() -> None:
    payment = requested()
    for times in (1, 2, 3):
        payment.charge_unanswered(1, trouble("timed out", times))
    payment.withdraw("changed my mind")
    payment.withdraw("really")
    assert facts(payment)[-1:] == ["ChargeWithdrawn"]

    payment.charge_unanswered(1, trouble("timed out"))
    payment.charge_unanswered(1, trouble("timed out, told twice"))
    assert facts(payment) == ["ChargeUnanswered"]

    payment.called_off(1)
    (declined,) = new_events(payment)
    assert (declined.TOPIC, declined.reason) == ("Payment.Declined", "changed my mind")


def test_an_attempt_that_fails_after_the_charge_was_withdrawn_is_the_last_one() -> None:
    payment = requested()
    payment.withdraw("changed my mind")
    given(payment)

    payment.charge_attempt_failed(1, trouble("503"))

    (declined,) = new_events(payment)
    assert (declined.TOPIC, declined.reason, declined.attempt) == ("Payment.Declined", "changed my mind", 1)


@pytest.mark.parametrize("make", [completed, being_refunded, not_refunded])
def test_a_charge_that_is_made_cannot_be_called_off_any_more(make: Callable[[], Payment]) -> None:
    payment = make()

    payment.withdraw("changed my mind")

    assert facts(payment) == []
    with pytest.raises(PaymentOutcomeContradicted):
        payment.called_off(1)


def test_only_what_the_provider_failed_to_refund_is_refunded_by_hand_and_once() -> None:
    payment = not_refunded()

    payment.refunded_by_hand("transfer 4711", "the card is closed")
    payment.refunded_by_hand("transfer 4712", "asked twice")

    (by_hand,) = new_events(payment)
    assert (by_hand.TOPIC, by_hand.reference) == ("Payment.RefundedByHand", "transfer 4711")
    for make in (requested, completed, being_refunded):
        with pytest.raises(PaymentNotCompleted):
            make().refunded_by_hand("transfer 4711", "the card is closed")


@pytest.mark.parametrize(
    ("make", "is_open"),
    [(requested, True), (being_refunded, True), (completed, False), (not_refunded, False)],
)
def test_only_a_call_that_is_open_can_be_hastened(make: Callable[[], Payment], is_open: bool) -> None:
    payment = given(make())

    payment.hasten("the provider is back")

    assert facts(payment) == (["CallHastened"] if is_open else [])


def test_a_contradiction_is_noted_once_until_a_person_has_settled_it() -> None:
    payment = completed()

    payment.close_dispute("there is none")
    for error in ("ch_2 as well", "ch_2 as well", "declined after all"):
        payment.dispute(error)
    assert facts(payment) == ["OutcomeDisputed", "OutcomeDisputed"]

    payment.close_dispute("voided")
    payment.close_dispute("voided")
    payment.dispute("declined after all")
    assert facts(payment) == ["DisputeClosed", "OutcomeDisputed"]


attempts = st.integers(1, MAX_ATTEMPTS + 1)
answers: st.SearchStrategy[Callable[[Payment], None]] = st.one_of(
    st.builds(lambda ref, n: lambda p: p.complete(ref, n), st.sampled_from(["ch_1", "ch_2"]), attempts),
    attempts.map(lambda n: lambda p: p.decline("no", n)),
    st.builds(
        lambda n, last: lambda p: p.charge_attempt_failed(n, trouble("503", n, is_last=last)),
        attempts,
        st.booleans(),
    ),
    attempts.map(lambda n: lambda p: p.charge_unanswered(n, trouble("timed out", n))),
    attempts.map(lambda n: lambda p: p.refund_unanswered(n, trouble("timed out", n))),
    st.just(lambda p: p.withdraw("changed my mind")),
    st.just(lambda p: p.hasten("now")),
    st.just(lambda p: p.request_refund()),
    attempts.map(lambda n: lambda p: p.refund_made(n)),
    st.builds(
        lambda n, last: lambda p: p.refund_attempt_failed(n, trouble("503", n, is_last=last)),
        attempts,
        st.booleans(),
    ),
)

NEXT = {
    PaymentStatus.REQUESTED: {
        PaymentStatus.COMPLETED,
        PaymentStatus.DECLINED,
        PaymentStatus.OUTCOME_UNKNOWN,
    },
    PaymentStatus.OUTCOME_UNKNOWN: {
        PaymentStatus.REQUESTED,
        PaymentStatus.COMPLETED,
        PaymentStatus.DECLINED,
    },
    PaymentStatus.COMPLETED: {PaymentStatus.REFUND_REQUESTED},
    PaymentStatus.DECLINED: set(),
    PaymentStatus.REFUND_REQUESTED: {PaymentStatus.REFUNDED, PaymentStatus.REFUND_FAILED},
    PaymentStatus.REFUND_FAILED: {PaymentStatus.REFUNDED, PaymentStatus.REFUND_REQUESTED},
    PaymentStatus.REFUNDED: set(),
}


@settings(max_examples=150, deadline=None)
@forall(news=st.lists(answers, max_size=20))
def test_one_outcome_at_most_one_charge_and_a_refund_only_after_it(
    news: list[Callable[[Payment], None]],
) -> None:
    payment = requested()
    seen = [payment.status]
    for tell in news:
        try:
            tell(payment)
        except (PaymentOutcomeContradicted, PaymentNotCompleted):
            assert payment.status is seen[-1]
        seen.append(payment.status)

    assert all(after is before or after in NEXT[before] for before, after in pairwise(seen))
    events = new_events(payment)
    for kind in (Payment.Completed, Payment.Declined, Payment.ChargeWithdrawn, Payment.Refunded):
        assert sum(isinstance(event, kind) for event in events) <= 1
    assert state(replayed(events)) == state(payment)
