"""The steps of the saga, as a table: what each asks for, how it is undone, what it means."""

from dataclasses import dataclass
from enum import StrEnum


class SagaStatus(StrEnum):
    """Where a fulfilment stands. COMPLETED can still be unwound by a cancellation; FAILED is final."""

    STARTED = "STARTED"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    PAYMENT_COMPLETED = "PAYMENT_COMPLETED"
    INVENTORY_RESERVED = "INVENTORY_RESERVED"
    COMPLETED = "COMPLETED"
    COMPENSATING = "COMPENSATING"
    FAILED = "FAILED"


class StepStatus(StrEnum):
    """Where one step stands."""

    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    COMPENSATING = "COMPENSATING"
    COMPENSATED = "COMPENSATED"
    COMPENSATION_FAILED = "COMPENSATION_FAILED"


@dataclass(frozen=True)
class Step:
    """One row of the table.

    `request` and `undo` name the facts that ask for the work and for its reversal
    (event classes of the fulfilment); the statuses are the saga's while the step is
    asked for, and after it is done.
    """

    name: str
    request: str
    undo: str
    status_when_requested: SagaStatus | None
    status_when_completed: SagaStatus


PROCESS_PAYMENT = "ProcessPayment"
RESERVE_INVENTORY = "ReserveInventory"

STEPS = (
    Step(
        name=PROCESS_PAYMENT,
        request="PaymentRequested",
        undo="RefundRequested",
        status_when_requested=SagaStatus.PAYMENT_PENDING,
        status_when_completed=SagaStatus.PAYMENT_COMPLETED,
    ),
    Step(
        name=RESERVE_INVENTORY,
        request="ReservationRequested",
        undo="ReleaseRequested",
        status_when_requested=None,
        status_when_completed=SagaStatus.INVENTORY_RESERVED,
    ),
)

STEP = {step.name: step for step in STEPS}
