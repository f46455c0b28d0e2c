"""A payment is asked for once an order, and what the provider answered is recorded in one transaction."""

from decimal import Decimal
from uuid import UUID

import pytest

from application.payments import Outcome, Payments
from domain.payments import Payment, PaymentStatus
from domain.payments.payment import PaymentOutcomeContradicted
from domain.shared.causes import Cause, because_of
from domain.shared.ids import payment_id
from tests.support.stories import ADA_ASKS, FRIDAY_NOON, ORDER_ID

BOBS_ORDER = UUID(int=2)


@pytest.fixture
def payments() -> Payments:
    payments = Payments({"PERSISTENCE_MODULE": "eventsourcing.popo"})
    with because_of(ADA_ASKS):
        for order_id in (ORDER_ID, BOBS_ORDER):
            request(payments, order_id)
    return payments


def request(payments: Payments, order_id: UUID) -> None:
    """Ask for the payment of an order, as the policy does."""
    payment = payments.request_payment(
        order_id, payment_method="pm_ok", amount=Decimal("66.90"), currency="USD"
    )
    if payment is not None:
        payments.save(payment)


def stored(payments: Payments) -> int:
    return payments.recorder.max_notification_id() or 0


def status(payments: Payments, order_id: UUID) -> PaymentStatus:
    payment = payments.find(Payment, payment_id(order_id))
    assert payment is not None
    return payment.status


def charged(order_id: UUID, reference: str) -> Outcome:
    return Outcome(order_id, lambda payment: payment.complete(reference, 1), Cause(FRIDAY_NOON, "c", "e"))


def declined(order_id: UUID) -> Outcome:
    return Outcome(order_id, lambda payment: payment.decline("no funds", 1), Cause(FRIDAY_NOON, "c", "e"))


def test_an_order_asks_for_its_payment_once(payments: Payments) -> None:
    with because_of(ADA_ASKS):
        request(payments, ORDER_ID)

    assert stored(payments) == 2


def test_outcomes_are_recorded_together_and_repeating_them_records_nothing(payments: Payments) -> None:
    outcomes = [charged(ORDER_ID, "ch_1"), declined(BOBS_ORDER)]

    payments.record(outcomes)
    payments.record(outcomes)

    assert status(payments, ORDER_ID) is PaymentStatus.COMPLETED
    assert status(payments, BOBS_ORDER) is PaymentStatus.DECLINED
    assert stored(payments) == 4


def test_one_contradicted_outcome_keeps_all_of_them_out(payments: Payments) -> None:
    payments.record([charged(BOBS_ORDER, "ch_2")])

    with pytest.raises(PaymentOutcomeContradicted):
        payments.record([charged(ORDER_ID, "ch_1"), declined(BOBS_ORDER)])

    assert status(payments, ORDER_ID) is PaymentStatus.REQUESTED
    assert stored(payments) == 3


def test_an_outcome_without_a_payment_is_a_fault(payments: Payments) -> None:
    with pytest.raises(LookupError):
        payments.record([charged(UUID(int=9), "ch_9")])


def test_a_refund_is_asked_for_once(payments: Payments) -> None:
    payments.record([charged(ORDER_ID, "ch_1")])

    with because_of(ADA_ASKS):
        for _ in range(2):
            payment = payments.request_refund(ORDER_ID)
            assert payment is not None
            payments.save(payment)
        assert payments.request_refund(UUID(int=9)) is None

    assert status(payments, ORDER_ID) is PaymentStatus.REFUND_REQUESTED
    assert stored(payments) == 4
