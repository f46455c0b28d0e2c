"""Keeps the rows of the calls to the payment provider."""

from typing import Any

from eventsourcing.dispatch import singledispatchmethod

from domain.payments import Payment
from domain.shared.money import Money
from system.followers.unit_of_work import UnitOfWork

from .queries import CallQueries
from .tables import CALLS, DISPUTES


class PaymentCalls(CallQueries):
    """Follows the payments."""

    name = "PaymentCalls"
    tables = (CALLS, DISPUTES)

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Payment.Requested, work: UnitOfWork) -> None:
        self._ask(
            "charge",
            1,
            event,
            work,
            payment_method=event.payment_method,
            currency=event.currency,
            amount_minor=Money(event.amount, event.currency).minor,
            reference=None,
        )

    @react.register
    def _(self, event: Payment.RefundRequested, work: UnitOfWork) -> None:
        not_told = dict.fromkeys(("payment_method", "currency", "amount_minor"))
        self._ask("refund", event.attempt, event, work, reference=event.reference, **not_told)

    @react.register(Payment.ChargeAttemptFailed)
    @react.register(Payment.RefundAttemptFailed)
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._ask_again(
            event.attempt + 1, event, work, unanswered=0, unknown_since=None, failing_since=event.since
        )

    @react.register(Payment.ChargeUnanswered)
    @react.register(Payment.RefundUnanswered)
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._ask_again(event.attempt, event, work, unanswered=event.times, unknown_since=event.since)

    @react.register
    def _(self, event: Payment.ChargeWithdrawn, work: UnitOfWork) -> None:
        because = _because_of(event)
        work.change(CALLS, order_id=str(event.order_id), kind="call_off", unanswered=0, **because)

    @react.register
    def _(self, event: Payment.CallHastened, work: UnitOfWork) -> None:
        work.change(CALLS, order_id=str(event.order_id), since=event.timestamp, next_at=None)

    @react.register(Payment.Completed)
    @react.register(Payment.Declined)
    @react.register(Payment.Refunded)
    @react.register(Payment.RefundedByHand)
    @react.register(Payment.RefundFailed)
    def _(self, event: Any, work: UnitOfWork) -> None:
        work.remove(CALLS, order_id=str(event.order_id))

    @react.register
    def _(self, event: Payment.OutcomeDisputed, work: UnitOfWork) -> None:
        work.put(DISPUTES, order_id=str(event.order_id), error=event.error, since=event.timestamp)

    @react.register
    def _(self, event: Payment.DisputeClosed, work: UnitOfWork) -> None:
        work.remove(DISPUTES, order_id=str(event.order_id))

    def _ask(self, kind: str, attempt: int, event: Any, work: UnitOfWork, **values: str | int | None) -> None:
        """A call is due. Every column is set: an earlier row may have been removed in the same page."""
        work.put(
            CALLS,
            order_id=str(event.order_id),
            payment_id=str(event.originator_id),
            kind=kind,
            first_attempt=attempt,
            attempt=attempt,
            unanswered=0,
            failing_since=None,
            unknown_since=None,
            last_error=None,
            **_because_of(event),
            **values,
        )

    def _ask_again(self, attempt: int, event: Any, work: UnitOfWork, **values: Any) -> None:
        """The call is to be made again at a later time. Its kind stays as it is."""
        because = _because_of(event) | {"next_at": event.next_at}
        work.change(
            CALLS,
            order_id=str(event.order_id),
            attempt=attempt,
            last_error=event.error,
            **because,
            **values,
        )


def _because_of(event: Any) -> dict[str, Any]:
    """When the call was asked for, and what it has to say it happens because of."""
    return {
        "since": event.timestamp,
        "next_at": None,
        "event_id": event.event_id,
        "command_id": event.command_id,
        "user_id": event.user,
    }
