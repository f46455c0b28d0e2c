"""The figures of the sagas: how many succeed, how many fail and why, and how long they take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.fulfilment import SagaStatus
from system.bootstrap import Orderwright
from system.persistence.postgres.answers import Pace, at_pace
from system.projections.saga_log.figures import (
    OPEN,
    ReasonFigures,
    Settling,
    StepFigures,
    count_by_status,
    count_compensated,
    count_waiting,
    figures_by_reason,
    figures_by_step,
    oldest_open,
    settling,
)

MAX_REASONS = 20


@dataclass(frozen=True)
class CompensationFigures:
    """Steps that were to be undone: an attempt each time one was asked for, however often the work was
    tried; a failure each time that was given up. The rate is successes per attempt, None without any."""

    attempts: int
    successes: int
    failures: int
    success_rate: float | None


@dataclass(frozen=True)
class SettleTimes:
    """How long sagas took from start to end: all that ended, those that completed, those that failed."""

    all: Settling
    completed: Settling
    failed: Settling


@dataclass(frozen=True)
class OldestOpen:
    """The saga that has been under way for the longest time, and for how long."""

    order_id: str
    status: str
    started_at: datetime
    age_seconds: float


@dataclass(frozen=True)
class SagaFigures:
    """The figures of all sagas, or of those started `since` then.

    `failed` ended with the order cancelled, `compensated` of them had a step to undo; `running` and
    `waiting` (for a person) are still under way. The failure rate is that of those that ended.
    """

    as_of: datetime
    since: datetime | None
    started: int
    completed: int
    failed: int
    compensated: int
    running: int
    waiting: int
    failure_rate: float | None
    by_status: Mapping[str, int]
    compensations: CompensationFigures
    time_to_settle: SettleTimes
    oldest_open: OldestOpen | None
    steps: tuple[StepFigures, ...]
    reasons: tuple[ReasonFigures, ...]
    other_reasons: int


@at_pace(Pace.SLOW)
def saga_figures(orderwright: Orderwright, since: datetime | None = None) -> SagaFigures:
    """Count the sagas. While they work each part is counted a moment after the one before."""
    saga_log = orderwright.saga_log
    by_status = count_by_status(saga_log, since)
    completed, failed = by_status[SagaStatus.COMPLETED], by_status[SagaStatus.FAILED]
    waiting = count_waiting(saga_log, since)
    steps = figures_by_step(saga_log, since)
    reasons, other_reasons = figures_by_reason(saga_log, MAX_REASONS, since)
    times = settling(saga_log, since)
    return SagaFigures(
        as_of=orderwright.clock(),
        since=since,
        started=sum(by_status.values()),
        completed=completed,
        failed=failed,
        compensated=count_compensated(saga_log, since),
        running=max(sum(by_status[status] for status in OPEN) - waiting, 0),
        waiting=waiting,
        failure_rate=_rate(failed, completed + failed),
        by_status=by_status,
        compensations=compensations(steps),
        time_to_settle=SettleTimes(times[None], times[SagaStatus.COMPLETED], times[SagaStatus.FAILED]),
        oldest_open=oldest(orderwright, since),
        steps=steps,
        reasons=reasons,
        other_reasons=other_reasons,
    )


def compensations(steps: tuple[StepFigures, ...]) -> CompensationFigures:
    """The steps that were to be undone, whichever they are."""
    attempts = sum(step.compensation_attempts for step in steps)
    successes = sum(step.compensated for step in steps)
    failures = sum(step.compensation_failed for step in steps)
    return CompensationFigures(attempts, successes, failures, _rate(successes, attempts))


def oldest(orderwright: Orderwright, since: datetime | None = None) -> OldestOpen | None:
    """The saga that has been under way for the longest time, or None when none is."""
    found = oldest_open(orderwright.saga_log, since)
    if found is None:
        return None
    age = max((orderwright.clock() - found.started_at).total_seconds(), 0.0)
    return OldestOpen(found.order_id, found.status, found.started_at, age)


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
