"""What each stored topic means to an audit.

It reads the events on its own, and not by what they say of themselves that they mean: that is its worth.
Each topic is either in a table or named as irrelevant; else nothing that audits can be imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from application.inventory import Inventory
from domain.fulfilment import Fulfilment
from domain.inventory import Reservation, StockItem, Supply
from domain.orders import Order, OrderReference
from domain.payments import Payment
from domain.shared.aggregates import check_decided
from system.steps.table import SIDES

from .facts import HoldMark, OrderMark, PaymentMark, SagaMark
from .report import Rule

ORDER: Mapping[str, OrderMark] = {
    Order.Created.TOPIC: OrderMark.CREATED,
    Order.Confirmed.TOPIC: OrderMark.CONFIRMED,
    Order.Cancelled.TOPIC: OrderMark.CANCELLED,
}
"""Where the order stands after the event."""

SAGA: Mapping[str, SagaMark] = {
    Fulfilment.Started.TOPIC: SagaMark.RUNNING,
    Fulfilment.UnwindingStarted.TOPIC: SagaMark.COMPENSATING,
    Fulfilment.RefundRequested.TOPIC: SagaMark.COMPENSATING,
    Fulfilment.ReleaseRequested.TOPIC: SagaMark.COMPENSATING,
    Fulfilment.CompensationFailed.TOPIC: SagaMark.WAITING,
    Fulfilment.StepCompensated.TOPIC: SagaMark.COMPENSATING,
    Fulfilment.Completed.TOPIC: SagaMark.COMPLETED,
    Fulfilment.Failed.TOPIC: SagaMark.FAILED,
}
"""Where the fulfilment stands after the event. Steps are undone one at a time, so what is undone after
a compensation failed for good is the step that failed."""

PAYMENT: Mapping[str, PaymentMark] = {
    Payment.Requested.TOPIC: PaymentMark.ASKED,
    Payment.Completed.TOPIC: PaymentMark.CHARGED,
    Payment.Refunded.TOPIC: PaymentMark.REFUNDED,
    Payment.RefundedByHand.TOPIC: PaymentMark.REFUNDED,
}
"""What the event does to the money."""

RESERVATION: Mapping[str, HoldMark] = {
    Reservation.Made.TOPIC: HoldMark.HELD,
    Reservation.Rejected.TOPIC: HoldMark.REJECTED,
    Reservation.Released.TOPIC: HoldMark.RELEASED,
    Reservation.ReleasedByHand.TOPIC: HoldMark.RELEASED,
    Reservation.Refused.TOPIC: HoldMark.RELEASED,
}
"""Where the reservation stands after the event."""


@dataclass(frozen=True)
class Holding:
    """What an order holds in the log of an application, beside money: `fact` is where it stands in
    `OrderFacts`, `held` and `noun` are what it is called in a sentence.

    `with_order` demands that what is held belongs to an order that needs it, and `when_confirmed` that a
    confirmed order holds it; None where it may do without.
    """

    application: str
    fact: str
    marks: Mapping[str, HoldMark]
    held: str
    noun: str
    with_order: Rule
    when_confirmed: Rule | None


RESERVED = Holding(
    Inventory.name,
    "reservation",
    RESERVATION,
    held="stock",
    noun="a reservation",
    with_order=Rule.RESERVATION_HAS_ORDER,
    when_confirmed=Rule.CONFIRMED_IS_RESERVED,
)
HOLDINGS = (RESERVED,)

SHELF = frozenset(
    {
        StockItem.Introduced.TOPIC,
        StockItem.Received.TOPIC,
        StockItem.Corrected.TOPIC,
        StockItem.Reserved.TOPIC,
        StockItem.Released.TOPIC,
    }
)
"""Events that change the stock of a product: see `shelves`."""

IRRELEVANT = frozenset(
    {
        OrderReference.Claimed.TOPIC,
        Supply.Received.TOPIC,
        Supply.Changed.TOPIC,
        Fulfilment.PaymentRequested.TOPIC,
        Fulfilment.ReservationRequested.TOPIC,
        Fulfilment.StepAttemptFailed.TOPIC,
        Fulfilment.StepUnanswered.TOPIC,
        Fulfilment.StepOverdue.TOPIC,
        Fulfilment.WithdrawalRequested.TOPIC,
        Fulfilment.CompensationUnanswered.TOPIC,
        Fulfilment.CompensationOverdue.TOPIC,
        Fulfilment.InterventionMade.TOPIC,
        Fulfilment.StepCompleted.TOPIC,
        Fulfilment.StepFailed.TOPIC,
        Fulfilment.CompensationAttemptFailed.TOPIC,
        Fulfilment.ConfirmationRequested.TOPIC,
        Fulfilment.CancellationRequested.TOPIC,
        Fulfilment.OrderCancellationNoted.TOPIC,
        Payment.ChargeAttemptFailed.TOPIC,
        Payment.ChargeUnanswered.TOPIC,
        Payment.ChargeWithdrawn.TOPIC,
        Payment.RefundUnanswered.TOPIC,
        Payment.CallHastened.TOPIC,
        Payment.OutcomeDisputed.TOPIC,
        Payment.DisputeClosed.TOPIC,
        Payment.Declined.TOPIC,
        Payment.RefundRequested.TOPIC,
        Payment.RefundAttemptFailed.TOPIC,
        Payment.RefundFailed.TOPIC,
    }
)
"""Events that move neither money nor stock, nor end anything."""

check_decided(
    "the audit (system/audit/meanings.py)",
    frozenset().union(ORDER, SAGA, PAYMENT, SHELF, IRRELEVANT, *(holding.marks for holding in HOLDINGS)),
    *(Order, OrderReference, Fulfilment),
    *(aggregate for side in SIDES for aggregate in side.aggregates),
)
