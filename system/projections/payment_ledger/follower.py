"""Keeps the rows of the payment ledger."""

from typing import Any

from eventsourcing.dispatch import singledispatchmethod

from domain.payments import Payment
from domain.shared.money import Money
from system.followers.unit_of_work import UnitOfWork
from system.persistence.tables import SameAs
from system.projections.payment_status import PAYMENT_STATUS

from .queries import LedgerQueries
from .tables import LEDGER


class PaymentLedger(LedgerQueries):
    """Follows the payments."""

    name = "PaymentLedger"
    tables = (LEDGER,)
    ignored = frozenset(
        {Payment.ChargeWithdrawn, Payment.CallHastened, Payment.OutcomeDisputed, Payment.DisputeClosed}
    )

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Payment.Requested, work: UnitOfWork) -> None:
        work.put(
            LEDGER,
            order_id=str(event.order_id),
            payment_id=str(event.originator_id),
            status=PAYMENT_STATUS[type(event)],
            payment_method=event.payment_method,
            currency=event.currency,
            amount_minor=Money(event.amount, event.currency).minor,
            refunded_minor=0,
            reference=None,
        )

    @react.register(Payment.ChargeAttemptFailed)
    @react.register(Payment.ChargeUnanswered)
    @react.register(Payment.Declined)
    @react.register(Payment.RefundRequested)
    @react.register(Payment.RefundAttemptFailed)
    @react.register(Payment.RefundUnanswered)
    @react.register(Payment.RefundFailed)
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._stands(event, work)

    @react.register
    def _(self, event: Payment.Completed, work: UnitOfWork) -> None:
        self._stands(event, work, reference=event.reference)

    @react.register(Payment.Refunded)
    @react.register(Payment.RefundedByHand)
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._stands(event, work, refunded_minor=SameAs("amount_minor"))

    def _stands(self, event: Any, work: UnitOfWork, **values: Any) -> None:
        status = PAYMENT_STATUS[type(event)]
        work.change(LEDGER, order_id=str(event.order_id), status=status, **values)
