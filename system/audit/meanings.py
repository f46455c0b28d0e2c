"""What each stored topic means to an audit. This is the one place that a new kind of event goes to:
a test holds that each topic of these families is either in a table or named as irrelevant.
"""

from collections.abc import Mapping

from domain.fulfilment import Fulfilment
from domain.inventory import Reservation, StockItem, Supply
from domain.orders import Order, OrderReference
from domain.payments import Payment

from .facts import OrderMark, PaymentMark, ReservationMark, SagaMark

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

RESERVATION: Mapping[str, ReservationMark] = {
    Reservation.Made.TOPIC: ReservationMark.HELD,
    Reservation.Rejected.TOPIC: ReservationMark.REJECTED,
    Reservation.Released.TOPIC: ReservationMark.RELEASED,
    Reservation.ReleasedByHand.TOPIC: ReservationMark.RELEASED,
    Reservation.Refused.TOPIC: ReservationMark.RELEASED,
}
"""Where the reservation stands after the event."""

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
