"""How the fulfilment's events read: which saga status they lead to, and which log entry they are."""

from typing import Any

from application.views import StepView, utc_text
from domain.fulfilment import STEPS, Fulfilment, SagaStatus, StepStatus
from system.persistence.tables import Guard

_STEP_STATUS: dict[type[Any], StepStatus] = {
    Fulfilment.PaymentRequested: StepStatus.EXECUTING,
    Fulfilment.ReservationRequested: StepStatus.EXECUTING,
    Fulfilment.StepAttemptFailed: StepStatus.EXECUTING,
    Fulfilment.StepUnanswered: StepStatus.EXECUTING,
    Fulfilment.StepOverdue: StepStatus.EXECUTING,
    Fulfilment.StepCompleted: StepStatus.COMPLETED,
    Fulfilment.StepFailed: StepStatus.FAILED,
    Fulfilment.RefundRequested: StepStatus.COMPENSATING,
    Fulfilment.ReleaseRequested: StepStatus.COMPENSATING,
    Fulfilment.CompensationAttemptFailed: StepStatus.COMPENSATING,
    Fulfilment.CompensationUnanswered: StepStatus.COMPENSATING,
    Fulfilment.CompensationOverdue: StepStatus.COMPENSATING,
    Fulfilment.StepCompensated: StepStatus.COMPENSATED,
    Fulfilment.CompensationFailed: StepStatus.COMPENSATION_FAILED,
}

_SAGA_STATUS: dict[type[Any], SagaStatus] = {
    Fulfilment.Started: SagaStatus.STARTED,
    Fulfilment.UnwindingStarted: SagaStatus.COMPENSATING,
    Fulfilment.Completed: SagaStatus.COMPLETED,
    Fulfilment.Failed: SagaStatus.FAILED,
} | {
    getattr(Fulfilment, step.request): step.status_when_requested
    for step in STEPS
    if step.status_when_requested is not None
}

_STATUS_WHEN_COMPLETED = {step.name: step.status_when_completed for step in STEPS}


def log_entry(event: Any) -> StepView | None:
    """The saga log's entry for an event, or None when it is not about a step."""
    status = step_status(event)
    if status is None:
        return None
    if isinstance(event, Fulfilment.StepOverdue | Fulfilment.CompensationOverdue):
        error: str | None = f"it was due at {utc_text(event.due_at)} and took longer than allowed"
    else:
        error = getattr(event, "error", None)
    next_at = getattr(event, "next_at", None)
    return StepView(event.step, status, event.attempt, event.timestamp, error, next_at)


def step_status(event: Any) -> str | None:
    """The status of its step that an event leads to, or None when it is not about a step."""
    status = _STEP_STATUS.get(type(event))
    return None if status is None else str(status)


def saga_status(event: Any) -> str | None:
    """The saga status that an event leads to, or None when it leaves it as it is.

    While a saga is unwinding only FAILED moves it on: see `status_after`.
    """
    if isinstance(event, Fulfilment.StepCompleted):
        return str(_STATUS_WHEN_COMPLETED[event.step])
    status = _SAGA_STATUS.get(type(event))
    return None if status is None else str(status)


def status_after(before: str | None, event: Any) -> str | None:
    """The saga's status after an event, given the one before."""
    status = saga_status(event)
    unwinding = before == SagaStatus.COMPENSATING and status != SagaStatus.FAILED
    return before if status is None or unwinding else status


UNWINDING = Guard(
    sql="CASE WHEN {present} = 'COMPENSATING' AND {given} <> 'FAILED' THEN {present} ELSE {given} END",
    after=lambda present, given: (
        present if present == SagaStatus.COMPENSATING and given != SagaStatus.FAILED else given
    ),
)
"""The same rule for a column of a table."""
