"""The payment ledger: every payment, and which calls to the provider are due."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod

from application.queries import PaymentNotFound
from application.views import PaymentView, utc_text
from domain.fulfilment import PROCESS_PAYMENT, STEP
from domain.payments import Payment
from domain.shared.causes import Cause
from domain.shared.money import Money
from system.followers.projection import Projection, time_of
from system.followers.unit_of_work import UnitOfWork
from system.persistence.tables import SameAs, Table
from system.projections.payment_status import PAYMENT_STATUS

# A call is to be made while `call` is not null: at once, or not before `call_next_at` where it is made
# again after a pause. `call_since` is when it was asked for. `call_event_id` and so on are what the call has
# to say it happens because of. `call_first` is the number of the first attempt where it is not 1. In rows
# of early releases the columns from there on are null.
LEDGER = Table(
    "payment_ledger",
    columns={
        "order_id": "TEXT",
        "payment_id": "TEXT NOT NULL",
        "status": "TEXT NOT NULL",
        "payment_method": "TEXT NOT NULL",
        "currency": "TEXT NOT NULL",
        "amount_minor": "BIGINT NOT NULL",
        "refunded_minor": "BIGINT NOT NULL",
        "reference": "TEXT",
        "call": "TEXT",
        "call_attempt": "BIGINT NOT NULL",
        "call_since": "TEXT NOT NULL",
        "call_event_id": "TEXT NOT NULL",
        "call_command_id": "TEXT",
        "call_user": "TEXT",
        "call_first": "BIGINT",
        "unanswered": "BIGINT",
        "failing_since": "TEXT",
        "unknown_since": "TEXT",
        "last_error": "TEXT",
        "dispute": "TEXT",
        "disputed_at": "TEXT",
        "call_next_at": "TEXT",
    },
    key=("order_id",),
    indexes={
        "payment_ledger_calls": "(call_since, order_id) WHERE call IS NOT NULL",
        "payment_ledger_disputes": "(disputed_at, order_id) WHERE dispute IS NOT NULL",
        "payment_ledger_unknown": "(unknown_since, order_id) WHERE unknown_since IS NOT NULL",
    },
)

_CALLS = STEP[PROCESS_PAYMENT]
LONGEST_PAUSE = max(_CALLS.retry.longest_possible_pause, _CALLS.undo_retry.longest_possible_pause)
"""No call is made later than so long after the one before. A time that is further away was told by a
clock that was wrong then, or that is wrong now: it is no reason to wait."""

_DUE = """
SELECT * FROM @payment_ledger WHERE call IS NOT NULL
    AND (call_next_at IS NULL OR call_next_at <= :now OR call_next_at > :never)
ORDER BY call_since, order_id LIMIT :limit
"""

_NEXT = """
SELECT MIN(call_next_at) AS next_at FROM @payment_ledger WHERE call IS NOT NULL AND call_next_at > :now
"""

_TROUBLED = """
SELECT * FROM @payment_ledger WHERE dispute IS NOT NULL
    OR (unknown_since IS NOT NULL AND unknown_since <= :before)
ORDER BY COALESCE(disputed_at, unknown_since), order_id
"""


@dataclass(frozen=True)
class DueCall:
    """A call to the provider that is due, and was asked for then.

    Attempts before this one failed since `failing_since`; calls of this one went unanswered, so many
    times, since `unknown_since`.
    """

    kind: Literal["charge", "call_off", "refund"]
    order_id: UUID
    payment_id: UUID
    attempt: int
    since: datetime
    payment_method: str
    amount: Money
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
    """A payment about which the provider does not tell, or tells two things."""

    order_id: UUID
    status: str
    is_disputed: bool
    error: str
    attempts: int
    since: datetime


@dataclass(frozen=True)
class PaymentTotal:
    """How many payments have a status in a currency, and what they come to."""

    status: str
    currency: str
    count: int
    amount: Decimal


class PaymentLedger(Projection):
    """Follows the payments."""

    name = "PaymentLedger"
    tables = (LEDGER,)

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Payment.Requested, work: UnitOfWork) -> None:
        work.put(
            LEDGER,
            order_id=str(event.order_id),
            payment_id=str(event.originator_id),
            status="REQUESTED",
            payment_method=event.payment_method,
            currency=event.currency,
            amount_minor=Money(event.amount, event.currency).minor,
            refunded_minor=0,
            reference=None,
            **_call("charge", 1, event),
        )

    @react.register(Payment.ChargeAttemptFailed)
    @react.register(Payment.RefundAttemptFailed)
    def _(self, event: Any, work: UnitOfWork) -> None:
        """The kind of the call stays as it is."""
        self._again(
            event.attempt + 1, event, work, unanswered=0, unknown_since=None, failing_since=event.since
        )

    @react.register(Payment.ChargeUnanswered)
    @react.register(Payment.RefundUnanswered)
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._again(event.attempt, event, work, unanswered=event.times, unknown_since=event.since)

    @react.register
    def _(self, event: Payment.ChargeWithdrawn, work: UnitOfWork) -> None:
        because = _because_of(event)
        work.change(LEDGER, order_id=str(event.order_id), call="call_off", unanswered=0, **because)

    @react.register
    def _(self, event: Payment.CallHastened, work: UnitOfWork) -> None:
        work.change(LEDGER, order_id=str(event.order_id), call_since=event.timestamp, call_next_at=None)

    @react.register
    def _(self, event: Payment.OutcomeDisputed, work: UnitOfWork) -> None:
        order_id = str(event.order_id)
        work.change(LEDGER, order_id=order_id, dispute=event.error, disputed_at=event.timestamp)

    @react.register
    def _(self, event: Payment.DisputeClosed, work: UnitOfWork) -> None:
        work.change(LEDGER, order_id=str(event.order_id), dispute=None, disputed_at=None)

    @react.register
    def _(self, event: Payment.Completed, work: UnitOfWork) -> None:
        self._end("COMPLETED", event, work, reference=event.reference)

    @react.register
    def _(self, event: Payment.Declined, work: UnitOfWork) -> None:
        self._end("DECLINED", event, work)

    @react.register
    def _(self, event: Payment.RefundRequested, work: UnitOfWork) -> None:
        work.change(
            LEDGER,
            order_id=str(event.order_id),
            status="REFUND_REQUESTED",
            call_first=event.attempt,
            last_error=None,
            **_call("refund", event.attempt, event),
        )

    @react.register(Payment.Refunded)
    @react.register(Payment.RefundedByHand)
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._end("REFUNDED", event, work, refunded_minor=SameAs("amount_minor"))

    @react.register
    def _(self, event: Payment.RefundFailed, work: UnitOfWork) -> None:
        self._end("REFUND_FAILED", event, work, last_error=event.error)

    def _again(self, attempt: int, event: Any, work: UnitOfWork, **values: Any) -> None:
        """The call is to be made again at a later time."""
        because = _because_of(event) | {"call_next_at": event.next_at}
        work.change(
            LEDGER,
            order_id=str(event.order_id),
            status=PAYMENT_STATUS[type(event)],
            call_attempt=attempt,
            last_error=event.error,
            **because,
            **values,
        )

    def _end(self, status: str, event: Any, work: UnitOfWork, **values: Any) -> None:
        """No call is to be made any more. What was remembered of its troubles is nothing to the next one."""
        work.change(
            LEDGER,
            order_id=str(event.order_id),
            status=status,
            call=None,
            failing_since=None,
            unknown_since=None,
            **values,
        )

    def payment(self, order_id: UUID) -> PaymentView:
        """The payment of an order, or `PaymentNotFound`."""
        rows = self.rows("SELECT * FROM @payment_ledger WHERE order_id = :order_id", order_id=str(order_id))
        if not rows:
            raise PaymentNotFound(f"order {order_id} has no payment, or none yet")
        row = rows[0]
        return PaymentView(
            order_id=row["order_id"],
            status=row["status"],
            currency=row["currency"],
            amount=str(Money.of_minor(row["amount_minor"], row["currency"]).amount),
            refunded=str(Money.of_minor(row["refunded_minor"], row["currency"]).amount),
        )

    def totals(self) -> list[PaymentTotal]:
        """What all payments come to, by status and currency."""
        rows = self.rows(
            "SELECT status, currency, COUNT(*) AS payments, SUM(amount_minor) AS minor FROM @payment_ledger "
            "GROUP BY status, currency ORDER BY status, currency"
        )
        return [
            PaymentTotal(
                row["status"], row["currency"], row["payments"], _major(int(row["minor"]), row["currency"])
            )
            for row in rows
        ]

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
        return int(self.rows("SELECT COUNT(*) AS n FROM @payment_ledger WHERE call IS NOT NULL")[0]["n"])


def _call(kind: str, attempt: int, event: Any) -> dict[str, Any]:
    """What makes a call due. It is null in a row without one; the rest is what the call has to say
    it happens because of."""
    return {
        "call": kind,
        "call_attempt": attempt,
        "unanswered": 0,
        **_because_of(event),
    }


def _because_of(event: Any) -> dict[str, Any]:
    return {
        "call_since": event.timestamp,
        "call_next_at": None,
        "call_event_id": event.event_id,
        "call_command_id": event.command_id,
        "call_user": event.user,
    }


def _major(minor: int, currency: str) -> Decimal:
    one = Money.of_minor(1, currency).amount
    return one * minor


def _due_call(row: dict[str, Any]) -> DueCall:
    since = datetime.fromisoformat(row["call_since"])
    return DueCall(
        kind=row["call"],
        order_id=UUID(row["order_id"]),
        payment_id=UUID(row["payment_id"]),
        attempt=row["call_attempt"],
        since=since,
        payment_method=row["payment_method"],
        amount=Money.of_minor(row["amount_minor"], row["currency"]),
        reference=row["reference"],
        first_attempt=row["call_first"] or 1,
        failing_since=time_of(row["failing_since"]),
        unanswered=row["unanswered"] or 0,
        unknown_since=time_of(row["unknown_since"]),
        cause=Cause(since, row["order_id"], row["call_event_id"], row["call_command_id"], row["call_user"]),
    )


def _troubled_call(row: dict[str, Any]) -> TroubledCall:
    is_disputed = row["dispute"] is not None
    return TroubledCall(
        order_id=UUID(row["order_id"]),
        status=row["status"],
        is_disputed=is_disputed,
        error=row["dispute"] if is_disputed else row["last_error"],
        attempts=row["unanswered"] or 1,
        since=datetime.fromisoformat(row["disputed_at"] if is_disputed else row["unknown_since"]),
    )
