"""ProcessPayment: the payment of the order."""

from collections.abc import Mapping
from typing import Any

from application.payments import Payments
from domain.fulfilment import PROCESS_PAYMENT, StepStatus
from domain.payments import Payment, PaymentStatus
from domain.shared.ids import payment_id
from domain.shared.money import Money

from .side import Awaited, MoneyAndStock, News, StepSide
from .telling import Telling

_STATUS = {
    PaymentStatus.REQUESTED: StepStatus.EXECUTING,
    PaymentStatus.OUTCOME_UNKNOWN: StepStatus.EXECUTING,
    PaymentStatus.COMPLETED: StepStatus.COMPLETED,
    PaymentStatus.DECLINED: StepStatus.FAILED,
    PaymentStatus.REFUND_REQUESTED: StepStatus.COMPENSATING,
    PaymentStatus.REFUNDED: StepStatus.COMPENSATED,
    PaymentStatus.REFUND_FAILED: StepStatus.COMPENSATION_FAILED,
}

_NEWS: Mapping[type[Any], News] = {
    Payment.Completed: lambda saga, _: saga.step_completed(PROCESS_PAYMENT),
    Payment.Declined: lambda saga, event: saga.step_failed(
        PROCESS_PAYMENT, f"payment declined: {event.reason}"
    ),
    Payment.ChargeAttemptFailed: lambda saga, event: saga.step_attempt_failed(
        PROCESS_PAYMENT, event.attempt, event.error, event.next_at
    ),
    Payment.ChargeUnanswered: lambda saga, event: saga.step_unanswered(
        PROCESS_PAYMENT, event.attempt, event.error, event.next_at
    ),
    Payment.Refunded: lambda saga, _: saga.step_compensated(PROCESS_PAYMENT),
    Payment.RefundedByHand: lambda saga, _: saga.step_compensated(PROCESS_PAYMENT),
    Payment.RefundAttemptFailed: lambda saga, event: saga.compensation_attempt_failed(
        PROCESS_PAYMENT, event.attempt, event.error, event.next_at
    ),
    Payment.RefundUnanswered: lambda saga, event: saga.compensation_unanswered(
        PROCESS_PAYMENT, event.attempt, event.error, event.next_at
    ),
    Payment.RefundFailed: lambda saga, event: saga.compensation_failed(PROCESS_PAYMENT, event.error),
}
_TOLD: Mapping[str, Telling] = {
    Payment.ChargeAttemptFailed.TOPIC: lambda facts, *_: (
        f"the payment provider failed at attempt {facts['attempt']} without charging "
        f"({facts['error']}), so it had to be asked again"
    ),
    Payment.ChargeUnanswered.TOPIC: lambda facts, *_: (
        f"the payment provider did not answer at attempt {facts['attempt']} ({facts['error']}): "
        "it may have charged or not, so it had to be asked again about the same charge"
    ),
    Payment.ChargeWithdrawn.TOPIC: lambda facts, *_: (
        f"the charge was to be called off ({facts['reason']}), unless it was made already"
    ),
    Payment.Completed.TOPIC: lambda facts, money, _: (
        f"the payment provider charged {money} at attempt {facts['attempt']} (its {facts['reference']})"
    ),
    Payment.Declined.TOPIC: lambda facts, money, _: (
        f"the payment provider declined to charge {money}: {facts['reason']}"
    ),
    Payment.RefundRequested.TOPIC: lambda _, money, __: f"a refund of {money} was asked for",
    Payment.RefundAttemptFailed.TOPIC: lambda facts, *_: (
        f"attempt {facts['attempt']} to refund failed ({facts['error']}), so it had to be tried again"
    ),
    Payment.RefundUnanswered.TOPIC: lambda facts, *_: (
        f"the payment provider did not answer to attempt {facts['attempt']} to refund "
        f"({facts['error']}), so it had to be asked again about the same refund"
    ),
    Payment.Refunded.TOPIC: lambda facts, money, _: (
        f"the payment provider refunded {money} at attempt {facts['attempt']}"
    ),
    Payment.RefundFailed.TOPIC: lambda facts, *_: (
        f"attempt {facts['attempt']} to refund failed ({facts['error']}), and it was the last"
    ),
    Payment.RefundedByHand.TOPIC: lambda facts, money, by: (
        f"{by or 'somebody'} recorded that {money} were refunded by hand "
        f"({facts['reference']}): {facts['reason']}"
    ),
    Payment.OutcomeDisputed.TOPIC: lambda facts, *_: (
        f"the payment provider contradicted itself, which was not believed: {facts['error']}"
    ),
    Payment.DisputeClosed.TOPIC: lambda facts, _, by: (
        f"{by or 'somebody'} closed the dispute about what the provider had said: {facts['reason']}"
    ),
}


class PaymentSide(StepSide[Payment]):
    """The money of an order."""

    step = PROCESS_PAYMENT
    application = Payments.name
    stream_id = staticmethod(payment_id)
    noun = "the payment"
    not_begun = "not asked for"
    aggregates = (Payment,)
    news = _NEWS
    no_news = frozenset(
        {
            Payment.Requested,
            Payment.ChargeWithdrawn,
            Payment.RefundRequested,
            Payment.CallHastened,
            Payment.OutcomeDisputed,
            Payment.DisputeClosed,
        }
    )
    told = _TOLD
    untold = frozenset({Payment.Requested.TOPIC, Payment.CallHastened.TOPIC})

    def status(self, work: Payment) -> StepStatus:
        """See `StepSide.status`."""
        return _STATUS[work.status]

    def failure(self, work: Payment) -> str:
        """See `StepSide.failure`."""
        declined = work.status is PaymentStatus.DECLINED
        return "payment declined" if declined else "the refund failed for good"

    def held(self, work: Payment) -> str | None:
        """See `StepSide.held`."""
        if work.is_undecided:
            return (
                f"the payment is {work.status}, so there may be a charge; "
                "cancel the order instead, which calls it off"
            )
        if work.status in (PaymentStatus.DECLINED, PaymentStatus.REFUNDED):
            return None
        return (
            f"{work.amount.amount} {work.amount.currency} are charged and not given back "
            f"(the payment is {work.status}); record a refund that was made by hand first"
        )

    def money_and_stock(self, work: Payment) -> MoneyAndStock:
        """See `StepSide.money_and_stock`."""
        is_captured = work.reference is not None and work.status is not PaymentStatus.REFUNDED
        currency = work.amount.currency
        money = work.amount if is_captured else Money.of_minor(0, currency)
        return MoneyAndStock(str(money.amount), currency)

    def awaited(self, awaited: Awaited) -> str:
        """See `StepSide.awaited`."""
        if awaited.status == StepStatus.COMPENSATION_FAILED:
            return f"a person: the refund of {awaited.money} failed {awaited.attempt} times ({awaited.error})"
        if awaited.status == StepStatus.COMPENSATING:
            return f"the payment provider to refund {awaited.money} (attempt {awaited.attempt})"
        then = ", and then for its refund" if awaited.is_unwinding else ""
        return f"the payment provider to charge {awaited.money} (attempt {awaited.attempt}){then}"

    def when_confirmed(self, money: str) -> str:
        """See `StepSide.when_confirmed`."""
        return f"{money} are paid"

    def when_cancelled(self, money: str, *, was_done: bool) -> str:
        """See `StepSide.when_cancelled`."""
        return f"{money} are refunded" if was_done else "nothing was charged"
