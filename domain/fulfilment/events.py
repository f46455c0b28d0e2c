"""The facts of a fulfilment, and what each means. `Fulfilment` has each of them under the same name."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventsourcing.domain import AggregateCreated

from domain.shared.aggregates import Aggregate, Undecided
from domain.shared.products import ProductQuantity

from .meaning import Meaning
from .steps import Asked, SagaStatus, StepStatus


class FulfilmentEvent(Aggregate.Event):
    """What every fact says: which order it is about. What it means stands on its class."""

    means = Meaning()  # without an annotation, which would make it a field that is stored
    order_id: UUID

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "TOPIC" in vars(cls) and "means" not in vars(cls):
            raise Undecided(f"{cls.__dict__['TOPIC']} does not say what it means (`means = Meaning(...)`)")


class StepEvent(FulfilmentEvent):
    """What every fact about a step says. `attempt` counts from 1."""

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


_OVERDUE = "it was due at {due_at} and took longer than allowed"


class Started(FulfilmentEvent, AggregateCreated):
    """An order was placed and is on its way."""

    TOPIC = "Fulfilment.Started"
    means = Meaning(saga=SagaStatus.STARTED)
    payment_method: str
    currency: str
    amount: Decimal
    lines: tuple[ProductQuantity, ...]


class PaymentRequested(StepRequest):
    """The order's total is to be charged."""

    TOPIC = "Fulfilment.PaymentRequested"
    means = Meaning(step=StepStatus.EXECUTING, saga=SagaStatus.PAYMENT_PENDING, asks=Asked.PAYMENTS)
    payment_method: str
    currency: str
    amount: Decimal


class RefundRequested(StepRequest):
    """The charge is to be given back."""

    TOPIC = "Fulfilment.RefundRequested"
    means = Meaning(step=StepStatus.COMPENSATING, asks=Asked.PAYMENTS)


class ReservationRequested(StepRequest):
    """The order's products are to be held."""

    TOPIC = "Fulfilment.ReservationRequested"
    means = Meaning(step=StepStatus.EXECUTING, asks=Asked.INVENTORY)
    lines: tuple[ProductQuantity, ...]


class ReleaseRequested(StepRequest):
    """What is held for the order is to be released."""

    TOPIC = "Fulfilment.ReleaseRequested"
    means = Meaning(step=StepStatus.COMPENSATING, asks=Asked.INVENTORY)


class WithdrawalRequested(StepEvent):
    """The step is no longer wanted: it is to be called off, unless it was done already."""

    TOPIC = "Fulfilment.WithdrawalRequested"
    means = Meaning(asks=Asked.PAYMENTS)
    reason: str


class StepAttemptFailed(StepTrouble):
    """An attempt did not succeed; the step goes on with the next one."""

    TOPIC = "Fulfilment.StepAttemptFailed"
    means = Meaning(step=StepStatus.EXECUTING, note="{error}")


class StepUnanswered(StepTrouble):
    """Nobody knows yet what became of the attempt. It is asked again, and nothing is undone before."""

    TOPIC = "Fulfilment.StepUnanswered"
    means = Meaning(step=StepStatus.EXECUTING, note="{error}")
    class_version = 1


class StepOverdue(StepEvent):
    """The step took longer than it is allowed to."""

    TOPIC = "Fulfilment.StepOverdue"
    means = Meaning(step=StepStatus.EXECUTING, ends_waiting=True, note=_OVERDUE)
    due_at: datetime


class StepCompleted(StepEvent):
    """The step is done."""

    TOPIC = "Fulfilment.StepCompleted"
    means = Meaning(step=StepStatus.COMPLETED, ends_waiting=True)


class StepFailed(StepEvent):
    """The step was refused for good; there is nothing of it to undo."""

    TOPIC = "Fulfilment.StepFailed"
    means = Meaning(step=StepStatus.FAILED, ends_waiting=True, note="{error}")
    error: str


class CompensationAttemptFailed(StepTrouble):
    """An attempt to undo the step did not succeed; it goes on with the next one."""

    TOPIC = "Fulfilment.CompensationAttemptFailed"
    means = Meaning(step=StepStatus.COMPENSATING, note="{error}")


class CompensationUnanswered(StepTrouble):
    """Nobody knows yet whether the step is undone. It is asked again."""

    TOPIC = "Fulfilment.CompensationUnanswered"
    means = Meaning(step=StepStatus.COMPENSATING, note="{error}")
    class_version = 1


class CompensationOverdue(StepEvent):
    """Undoing the step took longer than it is allowed to. It goes on."""

    TOPIC = "Fulfilment.CompensationOverdue"
    means = Meaning(step=StepStatus.COMPENSATING, ends_waiting=True, note=_OVERDUE)
    due_at: datetime


class StepCompensated(StepEvent):
    """The step is undone."""

    TOPIC = "Fulfilment.StepCompensated"
    means = Meaning(step=StepStatus.COMPENSATED, ends_waiting=True)


class CompensationFailed(StepEvent):
    """The step could not be undone as often as it was tried. A person has to help."""

    TOPIC = "Fulfilment.CompensationFailed"
    means = Meaning(step=StepStatus.COMPENSATION_FAILED, ends_waiting=True, note="{error}")
    error: str


class InterventionMade(FulfilmentEvent):
    """A person intervened; what followed from it is recorded after this. The user is in the metadata."""

    TOPIC = "Fulfilment.InterventionMade"
    means = Meaning()
    action: str
    step: str | None
    reason: str


class UnwindingStarted(FulfilmentEvent):
    """From here on it goes back, for this reason."""

    TOPIC = "Fulfilment.UnwindingStarted"
    means = Meaning(saga=SagaStatus.COMPENSATING)
    reason: str


class ConfirmationRequested(FulfilmentEvent):
    """Everything is done: the order is to be confirmed."""

    TOPIC = "Fulfilment.ConfirmationRequested"
    means = Meaning(asks=Asked.ORDERS)


class CancellationRequested(FulfilmentEvent):
    """Everything is undone: the order is to be cancelled."""

    TOPIC = "Fulfilment.CancellationRequested"
    means = Meaning(asks=Asked.ORDERS)
    reason: str


class OrderCancellationNoted(FulfilmentEvent):
    """The order is cancelled, whoever did it."""

    TOPIC = "Fulfilment.OrderCancellationNoted"
    means = Meaning()
    reason: str


class Completed(FulfilmentEvent):
    """The order is confirmed."""

    TOPIC = "Fulfilment.Completed"
    means = Meaning(saga=SagaStatus.COMPLETED)


class Failed(FulfilmentEvent):
    """The order is cancelled and nothing is held for it."""

    TOPIC = "Fulfilment.Failed"
    means = Meaning(saga=SagaStatus.FAILED)
    reason: str
