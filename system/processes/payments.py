"""Payments asks for charges and refunds on behalf of the fulfilment."""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod

from application.payments import Payments
from domain.fulfilment import Asked, Fulfilment
from domain.fulfilment.categories import FACTS, asking
from domain.payments import Payment, PaymentStatus
from domain.payments.payment import UNDECIDED
from domain.shared.ids import payment_id
from system.followers.follower import Process
from system.followers.unit_of_work import UnitOfWork


class PaymentsProcess(Payments, Process):
    """Follows the fulfilments."""

    name = "Payments"
    ignored = FACTS - asking(Asked.PAYMENTS)

    def needs(self, event: Any) -> Iterable[UUID]:
        """See `Follower.needs`."""
        return (payment_id(event.order_id),)

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Fulfilment.PaymentRequested, work: UnitOfWork) -> None:
        payment = self.request_payment(
            event.order_id, payment_method=event.payment_method, amount=event.amount, currency=event.currency
        )
        if payment is None and event.attempt > 1 and not self._was_heeded(event):  # a person asks once more
            payment = self.hasten(event.order_id)
        work.collect_events(payment)

    @react.register
    def _(self, event: Fulfilment.WithdrawalRequested, work: UnitOfWork) -> None:
        work.collect_events(self.withdraw(event.order_id, event.reason))

    @react.register
    def _(self, event: Fulfilment.RefundRequested, work: UnitOfWork) -> None:
        if not self._was_heeded(event):
            work.collect_events(self.request_refund(event.order_id, again=event.attempt > 1))

    def _was_heeded(self, request: Any) -> bool:
        """Whether this very request led to something already, and is only read once more: a refund that
        failed since, or that a person made, must not be tried again because of it. Only after a
        failure does it make a difference, and so only then is it looked for."""
        payment = self.find(Payment, payment_id(request.order_id))
        if payment is None or payment.status not in _MAY_BE_ASKED_AGAIN:
            return False
        stream = cast(Iterable[Any], self.events.get(payment.id))
        return any(event.causation_id == request.event_id for event in stream)


_MAY_BE_ASKED_AGAIN = frozenset({*UNDECIDED, PaymentStatus.REFUND_REQUESTED, PaymentStatus.REFUND_FAILED})
