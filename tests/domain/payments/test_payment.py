"""A payment is charged at most once and refunded at most once, whatever the provider says."""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.payments import Payment, PaymentStatus
from domain.payments.payment import PaymentNotCompleted, PaymentOutcomeContradicted
from domain.shared.ids import payment_id
from domain.shared.money import Money
from tests.domain.payments.made import (
    MAX_ATTEMPTS,
    being_refunded,
    completed,
    not_refunded,
    requested,
    trouble,
)
from tests.support.stories import ORDER_ID, facts, given, new_events, replayed, state


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
