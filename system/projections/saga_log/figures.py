"""What the saga log comes to: sagas and steps counted, and how long sagas take.

Everything is counted by the database, from the tables of the saga log. With `since` only sagas
that started then or later count.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from application.views import utc_text
from domain.fulfilment import STEPS, SagaStatus, StepStatus
from system.followers.projection import time_of
from system.projections.order_dashboard.queries import OrderDashboardQueries as OrderDashboard

from .queries import SagaLogQueries as SagaLog

SETTLED = (SagaStatus.COMPLETED, SagaStatus.FAILED)
OPEN = tuple(status for status in SagaStatus if status not in SETTLED)


@dataclass(frozen=True)
class StepFigures:
    """What became of one step in all sagas.

    `attempts` counts how often the step was asked for, `setbacks` what was noted on the way: calls
    that failed for the moment, went unanswered or took too long. The same for undoing it.
    """

    step: str
    attempts: int
    setbacks: int
    completed: int
    failed: int
    compensation_attempts: int
    compensation_setbacks: int
    compensated: int
    compensation_failed: int


@dataclass(frozen=True)
class ReasonFigures:
    """How many sagas were compensated for a reason: the part of it before the first colon."""

    reason: str
    count: int


@dataclass(frozen=True)
class Settling:
    """How long sagas took from their start to their end: half of them, and 99 of 100, at most so long.
    None when there are none."""

    count: int = 0
    p50_seconds: float | None = None
    p99_seconds: float | None = None


@dataclass(frozen=True)
class OpenSaga:
    """A saga that has not ended."""

    order_id: str
    status: str
    started_at: datetime


_IN_LOG = "FROM @saga_log AS entry JOIN @fulfilments AS saga ON saga.order_id = entry.order_id"

WAITING = """status = 'COMPENSATION_FAILED' AND NOT EXISTS (
    SELECT 1 FROM @saga_log AS later
    WHERE later.order_id = entry.order_id AND later.step = entry.step AND later.entry > entry.entry
)"""
"""Of an entry of the log: a person has to help, because the step could not be undone."""

_WAITING_SAGAS = f"{_IN_LOG} WHERE saga.status = 'COMPENSATING' AND entry.{WAITING}"

# Counted by the millisecond, from a minute on by the second: so few numbers that a million sagas are
# no trouble, and so fine that nobody sees a difference.
_TIMES = """
SELECT status, CAST(ROUND(seconds * precision) AS BIGINT) AS units, precision, COUNT(*) AS n FROM (
    SELECT status, seconds, CASE WHEN seconds < 60 THEN 1000 ELSE 1 END AS precision FROM (
        SELECT status, seconds_of(updated_at) - seconds_of(started_at) AS seconds FROM @fulfilments
        WHERE status IN ('COMPLETED', 'FAILED') AND {condition}
    ) AS times
) AS rounded GROUP BY 1, 2, 3
"""

_COMPENSATIONS = """
SELECT COUNT(CASE WHEN status = 'COMPENSATING' AND error IS NULL THEN 1 END) AS attempts,
    COUNT(CASE WHEN status = 'COMPENSATED' THEN 1 END) AS successes
FROM @saga_log WHERE status IN ('COMPENSATING', 'COMPENSATED')
"""


_CONFIRMED = (
    "SELECT COUNT(*) AS n FROM @order_dashboard WHERE status = 'CONFIRMED'",
    "SELECT COUNT(*) AS n FROM @order_dashboard WHERE status = 'CANCELLED' AND confirmed_at IS NOT NULL",
)


def count_by_status(saga_log: SagaLog, since: datetime | None = None) -> dict[str, int]:
    """How many sagas have each status; every status is named."""
    rows = saga_log.rows(
        f"SELECT status, COUNT(*) AS n FROM @fulfilments AS saga WHERE {_started(since)} GROUP BY status",
        **_parameters(since),
    )
    return {str(status): 0 for status in SagaStatus} | {row["status"]: int(row["n"]) for row in rows}


def count_compensated(saga_log: SagaLog, since: datetime | None = None) -> int:
    """How many sagas were compensated to the end and had at least one step undone."""
    statement = (
        "SELECT COUNT(*) AS n FROM @fulfilments AS saga WHERE status = 'FAILED' AND EXISTS ("
        "SELECT 1 FROM @saga_log AS entry WHERE entry.order_id = saga.order_id "
        f"AND entry.status = 'COMPENSATED') AND {_started(since)}"
    )
    return _number(saga_log.rows(statement, **_parameters(since)))


def count_waiting(saga_log: SagaLog, since: datetime | None = None) -> int:
    """How many sagas wait for a person."""
    statement = f"SELECT COUNT(DISTINCT entry.order_id) AS n {_WAITING_SAGAS} AND {_started(since)}"
    return _number(saga_log.rows(statement, **_parameters(since)))


def waiting_orders(saga_log: SagaLog, limit: int) -> tuple[str, ...]:
    """The orders whose saga waits for a person, the longest waiting first."""
    statement = (
        f"SELECT entry.order_id AS order_id, MIN(entry.at) AS since {_WAITING_SAGAS} "
        "GROUP BY entry.order_id ORDER BY 2, 1 LIMIT :limit"
    )
    return tuple(row["order_id"] for row in saga_log.rows(statement, limit=limit))


def figures_by_step(saga_log: SagaLog, since: datetime | None = None) -> tuple[StepFigures, ...]:
    """What became of each step, in the order of the steps."""
    source = "FROM @saga_log AS entry" if since is None else _IN_LOG
    rows = saga_log.rows(
        "SELECT entry.step AS step, entry.status AS status, COUNT(*) AS n, COUNT(entry.error) AS errors "
        f"{source} WHERE {_started(since)} GROUP BY entry.step, entry.status",
        **_parameters(since),
    )
    return tuple(_step_figures(step.name, rows) for step in STEPS)


def figures_by_reason(
    saga_log: SagaLog, limit: int, since: datetime | None = None
) -> tuple[tuple[ReasonFigures, ...], int]:
    """The commonest reasons for which sagas were compensated, and how many had other ones."""
    rows = saga_log.rows(
        "SELECT before_colon(saga.reason) AS kind, COUNT(*) AS n, SUM(COUNT(*)) OVER () AS total "
        f"FROM @fulfilments AS saga WHERE saga.reason IS NOT NULL AND {_started(since)} "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :limit",
        **_parameters(since),
        limit=limit,
    )
    named = tuple(ReasonFigures(row["kind"], int(row["n"])) for row in rows)
    total = int(rows[0]["total"]) if rows else 0
    return named, total - sum(reason.count for reason in named)


def settling(
    saga_log: SagaLog, since: datetime | None = None, *, ended_since: datetime | None = None
) -> dict[str | None, Settling]:
    """How long sagas took that completed, that failed, and all of them (under None)."""
    condition, parameters = _started(since, "started_at"), _parameters(since)
    if ended_since is not None:
        condition += " AND updated_at >= :ended_since"
        parameters["ended_since"] = utc_text(ended_since)
    rows = saga_log.rows(_TIMES.format(condition=condition), **parameters)
    times: dict[str | None, Settling] = {None: _settling(rows)}
    for status in SETTLED:
        times[str(status)] = _settling(row for row in rows if row["status"] == status)
    return times


def count_compensations(saga_log: SagaLog) -> tuple[int, int]:
    """How often a step was to be undone, and how often it was."""
    (row,) = saga_log.rows(_COMPENSATIONS)
    return int(row["attempts"]), int(row["successes"])


def count_confirmed(dashboard: OrderDashboard) -> int:
    """How many sagas had their order confirmed, also those that were compensated afterwards: a number that
    never falls."""
    return sum(_number(dashboard.rows(statement)) for statement in _CONFIRMED)


def oldest_open(saga_log: SagaLog, since: datetime | None = None) -> OpenSaga | None:
    """The saga that has been under way for the longest time, or None when none is."""
    rows = saga_log.rows(
        f"SELECT * FROM @fulfilments AS saga WHERE status IN ({listed(OPEN)}) AND {_started(since)} "
        "ORDER BY started_at, order_id LIMIT 1",
        **_parameters(since),
    )
    started_at = time_of(rows[0]["started_at"]) if rows else None
    return OpenSaga(rows[0]["order_id"], rows[0]["status"], started_at) if started_at is not None else None


def listed(statuses: Iterable[str]) -> str:
    """Statuses as SQL lists them."""
    return ", ".join(f"'{status}'" for status in statuses)


def _started(since: datetime | None, column: str = "saga.started_at") -> str:
    return "TRUE" if since is None else f"{column} >= :since"


def _parameters(since: datetime | None) -> dict[str, Any]:
    return {} if since is None else {"since": utc_text(since)}


def _number(rows: list[dict[str, Any]]) -> int:
    return int(rows[0]["n"])


def _settling(rows: Iterable[Mapping[str, Any]]) -> Settling:
    """From how many sagas took how long. So many per cent of them took at most what the one with that
    rank took, rounded up."""
    times = sorted((int(row["units"]) / int(row["precision"]), int(row["n"])) for row in rows)
    ranks = list(accumulate(n for _, n in times))
    if not ranks:
        return Settling()
    p50, p99 = (times[bisect_left(ranks, (ranks[-1] * per_cent + 99) // 100)][0] for per_cent in (50, 99))
    return Settling(ranks[-1], p50, p99)


def _step_figures(step: str, rows: Iterable[Mapping[str, Any]]) -> StepFigures:
    found = {row["status"]: (int(row["n"]), int(row["errors"])) for row in rows if row["step"] == step}

    def entries(status: StepStatus) -> tuple[int, int]:
        return found.get(str(status), (0, 0))

    executing, asked_back = entries(StepStatus.EXECUTING), entries(StepStatus.COMPENSATING)
    return StepFigures(
        step=step,
        attempts=executing[0] - executing[1],
        setbacks=executing[1],
        completed=entries(StepStatus.COMPLETED)[0],
        failed=entries(StepStatus.FAILED)[0],
        compensation_attempts=asked_back[0] - asked_back[1],
        compensation_setbacks=asked_back[1],
        compensated=entries(StepStatus.COMPENSATED)[0],
        compensation_failed=entries(StepStatus.COMPENSATION_FAILED)[0],
    )
