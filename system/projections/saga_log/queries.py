"""What the saga log is asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from application.paging import check_limit, decode_cursor, page_of
from application.queries import FulfilmentRow, PageRequest, check_choice
from application.views import FulfilmentView, Page, StepView
from domain.fulfilment import SagaStatus
from system.followers.projection import Projection, Readable, time_of

# The last that is known of a step is that it could not be undone. Attempts are counted over all rounds.
_STUCK = """
SELECT entry.order_id, entry.step, entry.error, entry.at AS last_at,
    COUNT(*) AS attempts, MIN(failed.at) AS first_at
FROM @saga_log AS entry
JOIN @fulfilments AS saga ON saga.order_id = entry.order_id AND saga.status = 'COMPENSATING'
JOIN @saga_log AS failed ON failed.order_id = entry.order_id AND failed.step = entry.step
    AND failed.error IS NOT NULL AND failed.status IN ('COMPENSATING', 'COMPENSATION_FAILED')
WHERE entry.status = 'COMPENSATION_FAILED' {condition} AND NOT EXISTS (
    SELECT 1 FROM @saga_log AS later
    WHERE later.order_id = entry.order_id AND later.step = entry.step AND later.entry > entry.entry
)
GROUP BY entry.order_id, entry.step, entry.error, entry.at ORDER BY entry.at, entry.order_id
"""

_AWAITED = """
SELECT order_id, step, status, due_at FROM @saga_deadlines WHERE due_at IS NOT NULL
ORDER BY due_at, order_id LIMIT :limit
"""

_ONE = "SELECT * FROM @fulfilments WHERE order_id = :order_id"
_ENTRIES = "SELECT * FROM @saga_log WHERE order_id = :order_id ORDER BY entry"


@dataclass(frozen=True)
class FailedCompensation:
    """A step that could not be undone: a person has to help. `attempts` failed from `first_at` to
    `last_at`, the last one with `error`."""

    order_id: str
    step: str
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime


class AwaitedStep(NamedTuple):
    """A step of a fulfilment that is to be done, or undone, by then; as it is stored."""

    order_id: str
    step: str
    status: str | None
    due_at: str


class SagaLogQueries(Projection):
    """The saga log as it is read."""

    def fulfilment(self, order_id: UUID) -> FulfilmentView:
        """The saga log of an order. The status is None until the saga has begun."""
        found = self.rows(_ONE, order_id=str(order_id))
        steps = tuple(
            StepView(
                row["step"],
                row["status"],
                row["attempt"],
                _time(row["at"]),
                row["error"],
                _time(row["next_at"]),
            )
            for row in self.rows(_ENTRIES, order_id=str(order_id))
        )
        return FulfilmentView(str(order_id), found[0]["status"] if found else None, steps)

    def failed_compensations(self, order_id: str | None = None) -> list[FailedCompensation]:
        """The steps that could not be undone, of all fulfilments or of one order's, oldest failure first."""
        if order_id is None:
            rows = self.rows(_STUCK.format(condition=""))
        else:
            rows = self.rows(_STUCK.format(condition="AND entry.order_id = :order_id"), order_id=order_id)
        return [
            FailedCompensation(
                row["order_id"],
                row["step"],
                row["error"],
                int(row["attempts"]),
                _time(row["first_at"]),
                _time(row["last_at"]),
            )
            for row in rows
        ]

    def awaited_steps(self, limit: int) -> list[AwaitedStep]:
        """Steps that are to be done or undone and have a deadline, the earliest deadline first."""
        return [AwaitedStep(**row) for row in self.rows(_AWAITED, limit=limit)]

    def list_fulfilments(self, status: str | None, page: PageRequest) -> Page[FulfilmentRow]:
        """One page of the fulfilments with a status (all if None), the latest change first."""
        limit = check_limit(page)
        parameters: dict[str, Any] = {"limit": limit + 1}
        conditions = ["TRUE"]
        if status is not None:
            parameters["status"] = check_choice(status, [str(s) for s in SagaStatus], "/status")
            conditions.append("status = :status")
        if page.cursor is not None:
            parameters["at"], parameters["id"] = decode_cursor(page.cursor, str, str)
            conditions.append("(updated_at, order_id) < (:at, :id)")
        rows = self.rows(
            f"SELECT * FROM @fulfilments WHERE {' AND '.join(conditions)} "
            "ORDER BY updated_at DESC, order_id DESC LIMIT :limit",
            **parameters,
        )
        return page_of(rows, limit, _row, lambda row: (row["updated_at"], row["order_id"]))


def _row(row: dict[str, Any]) -> FulfilmentRow:
    readable = Readable(row)
    started_at, updated_at = readable.get("started_at", _time), readable.get("updated_at", _time)
    return FulfilmentRow(
        row["order_id"], row["status"], row["reason"], started_at, updated_at, readable.error
    )


def _time(text: str) -> Any:
    return time_of(text)
