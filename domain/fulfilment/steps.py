"""The steps of the saga, as a table: what each asks for, how it is undone, what it means."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.shared.retrying import RetryPolicy


class SagaStatus(StrEnum):
    """Where a fulfilment stands. COMPLETED can still be compensated after a cancellation; FAILED is final."""

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


class Asked(StrEnum):
    """Who is asked for work, by a fact of the fulfilment."""

    PAYMENTS = "PAYMENTS"
    INVENTORY = "INVENTORY"
    ORDERS = "ORDERS"


RUNNER_REPEATS = RetryPolicy(
    attempts=1, within=timedelta(0), first_pause=timedelta(0), longest_pause=timedelta(0)
)
"""The work is our own: it is asked for once, and the runner repeats what fails for the moment."""


@dataclass(frozen=True)
class Step:
    """One row of the table.

    `request` and `undo` name the facts that ask for the work and for its reversal
    (event classes of the fulfilment); `status_when_completed` is the saga's after it is done.

    `allowed` and `undo_allowed` are how long each may take before it is overdue; `retry` and
    `undo_retry` say how what failed for the moment is tried again. `is_withdrawn` says that work that
    is no longer wanted can be called off while its outcome is open.
    """

    name: str
    request: str
    undo: str
    status_when_completed: SagaStatus
    allowed: timedelta
    undo_allowed: timedelta
    retry: RetryPolicy = RUNNER_REPEATS
    undo_retry: RetryPolicy = RUNNER_REPEATS
    is_withdrawn: bool = False


PROCESS_PAYMENT = "ProcessPayment"
RESERVE_INVENTORY = "ReserveInventory"

STEPS = (
    Step(
        name=PROCESS_PAYMENT,
        request="PaymentRequested",
        undo="RefundRequested",
        status_when_completed=SagaStatus.PAYMENT_COMPLETED,
        allowed=timedelta(minutes=15),
        undo_allowed=timedelta(hours=24),
        retry=RetryPolicy(
            attempts=5,
            within=timedelta(minutes=10),
            first_pause=timedelta(seconds=0.5),
            longest_pause=timedelta(minutes=1),
        ),
        undo_retry=RetryPolicy(
            attempts=5,
            within=timedelta(hours=24),
            first_pause=timedelta(seconds=0.5),
            longest_pause=timedelta(minutes=1),
        ),
        is_withdrawn=True,
    ),
    Step(
        name=RESERVE_INVENTORY,
        request="ReservationRequested",
        undo="ReleaseRequested",
        status_when_completed=SagaStatus.INVENTORY_RESERVED,
        allowed=timedelta(minutes=5),
        undo_allowed=timedelta(minutes=5),
    ),
)

STEP = {step.name: step for step in STEPS}
