"""The fulfilment's facts, sorted by what they mean to those who work for it."""

from eventsourcing.domain import AggregateEvent

from domain.fulfilment import Fulfilment

EventTypes = frozenset[type[AggregateEvent]]

PROGRESS: EventTypes = frozenset(
    {
        Fulfilment.Started,
        Fulfilment.StepAttemptFailed,
        Fulfilment.StepUnanswered,
        Fulfilment.StepOverdue,
        Fulfilment.StepCompleted,
        Fulfilment.StepFailed,
        Fulfilment.CompensationAttemptFailed,
        Fulfilment.CompensationUnanswered,
        Fulfilment.CompensationOverdue,
        Fulfilment.StepCompensated,
        Fulfilment.CompensationFailed,
        Fulfilment.InterventionMade,
        Fulfilment.UnwindingStarted,
        Fulfilment.OrderCancellationNoted,
        Fulfilment.Completed,
        Fulfilment.Failed,
    }
)
"""Facts that say how far the saga is, and ask nobody for anything."""

ASKS_PAYMENTS: EventTypes = frozenset(
    {Fulfilment.PaymentRequested, Fulfilment.RefundRequested, Fulfilment.WithdrawalRequested}
)
ASKS_INVENTORY: EventTypes = frozenset({Fulfilment.ReservationRequested, Fulfilment.ReleaseRequested})
ASKS_ORDERS: EventTypes = frozenset({Fulfilment.ConfirmationRequested, Fulfilment.CancellationRequested})
