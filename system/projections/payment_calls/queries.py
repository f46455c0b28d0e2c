"""What is asked of the calls to the payment provider."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from application.views import utc_text
from domain.fulfilment import PROCESS_PAYMENT, STEP
from domain.shared.causes import Cause
from domain.shared.money import Money
from system.followers.projection import Projection, time_of

_CALLS = STEP[PROCESS_PAYMENT]
LONGEST_PAUSE = max(_CALLS.retry.longest_possible_pause, _CALLS.undo_retry.longest_possible_pause)
"""No call is made later than so long after the one before. A time that is further away was told by a
clock that was wrong then, or that is wrong now: it is no reason to wait."""

_DUE = """
SELECT * FROM @payment_calls WHERE next_at IS NULL OR next_at <= :now OR next_at > :never
ORDER BY since, order_id LIMIT :limit
"""

_NEXT = "SELECT MIN(next_at) AS next_at FROM @payment_calls WHERE next_at > :now"

_TROUBLED = """
SELECT * FROM (
    SELECT dispute.order_id AS order_id, 1 AS is_disputed, dispute.error AS error,
        call.unanswered AS unanswered, dispute.since AS since
    FROM @payment_disputes AS dispute LEFT JOIN @payment_calls AS call ON call.order_id = dispute.order_id
    UNION ALL
    SELECT order_id, 0, last_error, unanswered, unknown_since
    FROM @payment_calls AS call WHERE unknown_since <= :before
        AND NOT EXISTS (SELECT 1 FROM @payment_disputes AS dispute WHERE dispute.order_id = call.order_id)
) AS troubled ORDER BY since, order_id
"""


@dataclass(frozen=True)
class DueCall:
    """A call to the provider that is due, and was asked for then.

    Attempts before this one failed since `failing_since`; calls of this one went unanswered, so many
    times, since `unknown_since`. What is refunded, and to what, is known to the payment alone: there
    `payment_method` and `amount` are None.
    """

    kind: Literal["charge", "call_off", "refund"]
    order_id: UUID
    payment_id: UUID
    attempt: int
    since: datetime
    payment_method: str | None
    amount: Money | None
    reference: str | None
    first_attempt: int
    failing_since: datetime | None
    unanswered: int
    unknown_since: datetime | None
    cause: Cause

    @property
    def key(self) -> str:
        """The idempotency key: the same for the same attempt, however often it is asked. A charge is
        called off under its own key."""
        return f"{self.payment_id}:{'refund' if self.kind == 'refund' else 'charge'}:{self.attempt}"

    @property
    def failures(self) -> int:
        """How many attempts have failed, surely without effect, since this was asked for."""
        return self.attempt - self.first_attempt


@dataclass(frozen=True)
class TroubledCall:
    """A payment about which the provider does not tell, or tells two things.

    `attempts` counts the calls of the present attempt that went unanswered; it is 1 where no call is due.
    """

    order_id: UUID
    is_disputed: bool
    error: str
    attempts: int
    since: datetime


class CallQueries(Projection):
    """Answers from the rows of the calls."""

    def due_calls(self, now: datetime, limit: int) -> list[DueCall]:
        """Calls that are to be made by now, the longest waiting first.

        When something was asked for is no time to wait for, wherever it was recorded. Only the pause
        between two calls is, which was told by the clock of whoever made the first of them, as `now` is.
        """
        never = utc_text(now + LONGEST_PAUSE)
        return [_due_call(row) for row in self.rows(_DUE, now=utc_text(now), never=never, limit=limit)]

    def next_call_after(self, now: datetime) -> datetime | None:
        """When the next pause between two calls ends, or None when there is none."""
        (row,) = self.rows(_NEXT, now=utc_text(now))
        return time_of(row["next_at"])

    def troubled_calls(self, unknown_before: datetime) -> list[TroubledCall]:
        """Payments whose outcome is unknown since before that, and those the provider contradicts itself
        about; the longest waiting first."""
        rows = self.rows(_TROUBLED, before=utc_text(unknown_before))
        return [_troubled_call(row) for row in rows]

    def count_due_calls(self) -> int:
        """How many calls are to be made, now or later."""
        return int(self.rows("SELECT COUNT(*) AS n FROM @payment_calls")[0]["n"])


def _due_call(row: dict[str, Any]) -> DueCall:
    since = datetime.fromisoformat(row["since"])
    is_told = row["amount_minor"] is not None
    return DueCall(
        kind=row["kind"],
        order_id=UUID(row["order_id"]),
        payment_id=UUID(row["payment_id"]),
        attempt=row["attempt"],
        since=since,
        payment_method=row["payment_method"],
        amount=Money.of_minor(row["amount_minor"], row["currency"]) if is_told else None,
        reference=row["reference"],
        first_attempt=row["first_attempt"],
        failing_since=time_of(row["failing_since"]),
        unanswered=row["unanswered"],
        unknown_since=time_of(row["unknown_since"]),
        cause=Cause(since, row["order_id"], row["event_id"], row["command_id"], row["user_id"]),
    )


def _troubled_call(row: dict[str, Any]) -> TroubledCall:
    return TroubledCall(
        order_id=UUID(row["order_id"]),
        is_disputed=bool(row["is_disputed"]),
        error=row["error"],
        attempts=row["unanswered"] or 1,
        since=datetime.fromisoformat(row["since"]),
    )
