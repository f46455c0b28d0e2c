"""The fulfilment's facts, sorted by what they mean to those who work for it."""

from domain.fulfilment import Fulfilment

PROGRESS = frozenset(
    {
        Fulfilment.Started,
        Fulfilment.StepAttemptFailed,
        Fulfilment.StepCompleted,
        Fulfilment.StepFailed,
        Fulfilment.CompensationAttemptFailed,
        Fulfilment.StepCompensated,
        Fulfilment.CompensationFailed,
        Fulfilment.UnwindingStarted,
        Fulfilment.OrderCancellationNoted,
        Fulfilment.Completed,
        Fulfilment.Failed,
    }
)
"""Facts that say how far the saga is, and ask nobody for anything."""

ASKS_PAYMENTS = frozenset({Fulfilment.PaymentRequested, Fulfilment.RefundRequested})
ASKS_INVENTORY = frozenset({Fulfilment.ReservationRequested, Fulfilment.ReleaseRequested})
ASKS_ORDERS = frozenset({Fulfilment.ConfirmationRequested, Fulfilment.CancellationRequested})
