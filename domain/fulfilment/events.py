"""The facts of a fulfilment. `Fulfilment` has each of them under the same name."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventsourcing.domain import AggregateCreated

from domain.shared.aggregates import Aggregate
from domain.shared.products import ProductQuantity


class StepEvent(Aggregate.Event):
    """What every fact about a step says. `attempt` counts from 1."""

    order_id: UUID
    step: str
    attempt: int


class StepRequest(StepEvent):
    """What every request says: when it will be overdue (None in those of early releases)."""

    class_version = 2
    due_at: datetime | None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Version 1 knew no deadlines."""
        state["due_at"] = None


class StepTrouble(StepEvent):
    """What every attempt that did not succeed says: why, and when the next one is due."""

    class_version = 2
    error: str
    next_at: datetime | None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Version 1 did not say when the next attempt was due."""
        state["next_at"] = None


class Started(Aggregate.Event, AggregateCreated):
    """An order was placed and is on its way."""

    TOPIC = "Fulfilment.Started"
    order_id: UUID
    payment_method: str
    currency: str
    amount: Decimal
    lines: tuple[ProductQuantity, ...]


class PaymentRequested(StepRequest):
    """The order's total is to be charged."""

    TOPIC = "Fulfilment.PaymentRequested"
    payment_method: str
    currency: str
    amount: Decimal


class RefundRequested(StepRequest):
    """The charge is to be given back."""

    TOPIC = "Fulfilment.RefundRequested"


class ReservationRequested(StepRequest):
    """The order's products are to be held."""

    TOPIC = "Fulfilment.ReservationRequested"
    lines: tuple[ProductQuantity, ...]


class ReleaseRequested(StepRequest):
    """What is held for the order is to be released."""

    TOPIC = "Fulfilment.ReleaseRequested"


class WithdrawalRequested(StepEvent):
    """The step is no longer wanted: it is to be called off, unless it was done already."""

    TOPIC = "Fulfilment.WithdrawalRequested"
    reason: str


class StepAttemptFailed(StepTrouble):
    """An attempt did not succeed; the step goes on with the next one."""

    TOPIC = "Fulfilment.StepAttemptFailed"


class StepUnanswered(StepTrouble):
    """Nobody knows yet what became of the attempt. It is asked again, and nothing is undone before."""

    TOPIC = "Fulfilment.StepUnanswered"
    class_version = 1


class StepOverdue(StepEvent):
    """The step took longer than it is allowed to."""

    TOPIC = "Fulfilment.StepOverdue"
    due_at: datetime


class StepCompleted(StepEvent):
    """The step is done."""

    TOPIC = "Fulfilment.StepCompleted"


class StepFailed(StepEvent):
    """The step was refused for good; there is nothing of it to undo."""

    TOPIC = "Fulfilment.StepFailed"
    error: str


class CompensationAttemptFailed(StepTrouble):
    """An attempt to undo the step did not succeed; it goes on with the next one."""

    TOPIC = "Fulfilment.CompensationAttemptFailed"


class CompensationUnanswered(StepTrouble):
    """Nobody knows yet whether the step is undone. It is asked again."""

    TOPIC = "Fulfilment.CompensationUnanswered"
    class_version = 1


class CompensationOverdue(StepEvent):
    """Undoing the step took longer than it is allowed to. It goes on."""

    TOPIC = "Fulfilment.CompensationOverdue"
    due_at: datetime


class StepCompensated(StepEvent):
    """The step is undone."""

    TOPIC = "Fulfilment.StepCompensated"


class CompensationFailed(StepEvent):
    """The step could not be undone as often as it was tried. A person has to help."""

    TOPIC = "Fulfilment.CompensationFailed"
    error: str


class InterventionMade(Aggregate.Event):
    """A person intervened; what followed from it is recorded after this. The user is in the metadata."""

    TOPIC = "Fulfilment.InterventionMade"
    order_id: UUID
    action: str
    step: str | None
    reason: str


class UnwindingStarted(Aggregate.Event):
    """From here on it goes back, for this reason."""

    TOPIC = "Fulfilment.UnwindingStarted"
    order_id: UUID
    reason: str


class ConfirmationRequested(Aggregate.Event):
    """Everything is done: the order is to be confirmed."""

    TOPIC = "Fulfilment.ConfirmationRequested"
    order_id: UUID


class CancellationRequested(Aggregate.Event):
    """Everything is undone: the order is to be cancelled."""

    TOPIC = "Fulfilment.CancellationRequested"
    order_id: UUID
    reason: str


class OrderCancellationNoted(Aggregate.Event):
    """The order is cancelled, whoever did it."""

    TOPIC = "Fulfilment.OrderCancellationNoted"
    order_id: UUID
    reason: str


class Completed(Aggregate.Event):
    """The order is confirmed."""

    TOPIC = "Fulfilment.Completed"
    order_id: UUID


class Failed(Aggregate.Event):
    """The order is cancelled and nothing is held for it."""

    TOPIC = "Fulfilment.Failed"
    order_id: UUID
    reason: str
