"""Payments as stories begin with them, and the trouble that they hear of."""

from datetime import timedelta
from decimal import Decimal

from domain.payments import Payment, Trouble
from domain.shared.money import Money
from tests.support.stories import FRIDAY_NOON, ORDER_ID, given

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
