"""Payments: ask for a charge or a refund, and record what the provider answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain.payments import Payment
from domain.shared.causes import Cause, because_of
from domain.shared.ids import payment_id
from domain.shared.money import Money

from .base import Application
from .queries import PaymentNotFound


@dataclass(frozen=True)
class Outcome:
    """What a call to the provider came to: what to tell the payment of an order, and because of what."""

    order_id: UUID
    tell: Callable[[Payment], None]
    cause: Cause


class Payments(Application):
    """The payments of a shop."""

    name = "Payments"

    def request_payment(
        self, order_id: UUID, *, payment_method: str, amount: Decimal, currency: str
    ) -> Payment | None:
        """Ask for the one charge of an order; None when it was asked for before. To be saved."""
        if self.find(Payment, payment_id(order_id)) is not None:
            return None
        return Payment.request(order_id, payment_method=payment_method, amount=Money(amount, currency))

    def of_order(self, order_id: UUID) -> Payment:
        """The payment of an order, or `PaymentNotFound`."""
        payment = self.find(Payment, payment_id(order_id))
        if payment is None:
            raise PaymentNotFound(f"order {order_id} has no payment, or none yet")
        return payment

    def hasten(self, order_id: UUID) -> Payment | None:
        """Have the provider asked now about what is open. To be saved."""
        payment = self.find(Payment, payment_id(order_id))
        if payment is not None:
            payment.hasten("asked for again")
        return payment

    def withdraw(self, order_id: UUID, reason: str) -> Payment | None:
        """Have the charge called off unless it is made already. To be saved."""
        payment = self.find(Payment, payment_id(order_id))
        if payment is not None:
            payment.withdraw(reason)
        return payment

    def request_refund(self, order_id: UUID, *, again: bool = False) -> Payment | None:
        """Ask for the money back; again, when a person asks once more. To be saved."""
        payment = self.find(Payment, payment_id(order_id))
        if payment is not None:
            if again:
                payment.hasten("asked for again")
            payment.request_refund()
        return payment

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Record what the provider answered, in one transaction.

        An outcome that is recorded already records nothing. Raises `IntegrityError` when somebody
        else was faster with one of the payments, and `PaymentOutcomeContradicted`; then nothing
        is recorded.
        """
        payments = self.find_all(Payment, [payment_id(outcome.order_id) for outcome in outcomes])
        for outcome in outcomes:
            payment = payments.get(payment_id(outcome.order_id))
            if payment is None:
                raise LookupError(f"order {outcome.order_id} has no payment")
            with because_of(outcome.cause):
                outcome.tell(payment)
        self.save(*payments.values())
