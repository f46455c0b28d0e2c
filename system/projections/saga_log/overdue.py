"""Sagas that make no progress, and those that wait for a person, from the saga log.

Progress is a change of the saga's status, or a step that was asked for, done or undone. An attempt
that failed is none, however often it is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from application.views import utc_text
from domain.fulfilment import STEPS, StepStatus

from .figures import OPEN, WAITING, listed
from .follower import SagaLog

HAND_OVER_WITHIN = timedelta(minutes=15)
"""How long a saga may be between its steps."""

COUNTED_UP_TO = 10_000


@dataclass(frozen=True)
class OverdueSaga:
    """A saga that has made no progress for longer than it is allowed where it stands."""

    order_id: str
    status: str
    step: str | None
    step_status: str | None
    since: datetime
    allowed_seconds: float


def _allowances() -> Iterator[tuple[tuple[str, str], timedelta]]:
    for step in STEPS:
        yield (step.name, str(StepStatus.EXECUTING)), step.allowed
        yield (step.name, str(StepStatus.COMPENSATING)), step.undo_allowed


ALLOWED = dict(_allowances())
"""How long each step may take to be done, and to be undone."""

_SHORTEST = min(HAND_OVER_WITHIN, *ALLOWED.values())

_BEFORE = " ".join(
    f"WHEN step = '{step}' AND step_status = '{status}' THEN :before_{number}"
    for number, (step, status) in enumerate(ALLOWED)
)

_OVERDUE = f"""
SELECT * FROM (
    SELECT saga.order_id AS order_id, saga.status AS status, entry.step AS step, entry.status AS step_status,
        CASE WHEN entry.at > saga.updated_at THEN entry.at ELSE saga.updated_at END AS since
    FROM @fulfilments AS saga LEFT JOIN @saga_log AS entry ON entry.order_id = saga.order_id
        AND entry.entry = (
            SELECT MAX(entry) FROM @saga_log AS each
            WHERE each.order_id = saga.order_id AND each.error IS NULL
        )
    WHERE saga.status IN ({listed(OPEN)}) AND saga.updated_at < :before_shortest AND NOT EXISTS (
        SELECT 1 FROM @saga_log AS entry WHERE entry.order_id = saga.order_id AND entry.{WAITING}
    )
) AS standing
WHERE since < CASE {_BEFORE} ELSE :before END
"""


def overdue_sagas(saga_log: SagaLog, now: datetime, limit: int) -> tuple[OverdueSaga, ...]:
    """Sagas that have made no progress for too long and do not wait for a person, the longest first."""
    rows = saga_log.rows(f"{_OVERDUE} ORDER BY since, order_id LIMIT :limit", **_times(now), limit=limit)
    return tuple(_overdue(row) for row in rows)


def count_overdue(saga_log: SagaLog, now: datetime) -> int:
    """How many sagas are overdue, counted up to `COUNTED_UP_TO`."""
    statement = f"SELECT COUNT(*) AS n FROM ({_OVERDUE} LIMIT :limit) AS overdue"
    return int(saga_log.rows(statement, **_times(now), limit=COUNTED_UP_TO)[0]["n"])


def _times(now: datetime) -> dict[str, Any]:
    times = {f"before_{number}": utc_text(now - allowed) for number, allowed in enumerate(ALLOWED.values())}
    return times | {
        "before": utc_text(now - HAND_OVER_WITHIN),
        "before_shortest": utc_text(now - _SHORTEST),
    }


def _overdue(row: dict[str, Any]) -> OverdueSaga:
    since = datetime.fromisoformat(row["since"])
    allowed = ALLOWED.get((row["step"], row["step_status"]), HAND_OVER_WITHIN)
    return OverdueSaga(
        row["order_id"], row["status"], row["step"], row["step_status"], since, allowed.total_seconds()
    )
