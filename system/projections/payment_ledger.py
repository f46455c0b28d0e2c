"""The payment ledger: every payment, and which calls to the provider are due."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from eventsourcing.application import ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod

from application.queries import PaymentNotFound
from application.views import PaymentView
from domain.payments import Payment
from domain.shared.causes import Cause
from domain.shared.money import Money

from .projection import Projection

# A call is due while `call` is not null. `call_*` is what the call has to say it happens because of.
_TABLE = """
CREATE TABLE IF NOT EXISTS @payment_ledger (
    order_id TEXT PRIMARY KEY,
    payment_id TEXT NOT NULL,
    status TEXT NOT NULL,
    payment_method TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    reference TEXT,
    call TEXT,
    call_attempt BIGINT NOT NULL,
    call_since TEXT NOT NULL,
    call_event_id TEXT NOT NULL,
    call_command_id TEXT,
    call_user TEXT
)
"""

_DUE_INDEX = """
CREATE INDEX IF NOT EXISTS payment_ledger_due ON @payment_ledger (call_attempt, call_since, order_id)
WHERE call IS NOT NULL
"""

_REQUESTED = """
INSERT INTO @payment_ledger (order_id, payment_id, status, payment_method, currency, amount_minor,
    refunded_minor, call, call_attempt, call_since, call_event_id, call_command_id, call_user)
VALUES (:order_id, :payment_id, 'REQUESTED', :payment_method, :currency, :amount_minor,
    0, 'charge', 1, :at, :event_id, :command_id, :user)
ON CONFLICT (order_id) DO UPDATE SET status = 'REQUESTED', refunded_minor = 0, reference = NULL,
    call = 'charge', call_attempt = 1, call_since = :at, call_event_id = :event_id
"""

_CALL = """
UPDATE @payment_ledger SET call = :call, call_attempt = :attempt, call_since = :at,
    call_event_id = :event_id, call_command_id = :command_id, call_user = :user
WHERE order_id = :order_id
"""

_STATUS = "UPDATE @payment_ledger SET status = :status WHERE order_id = :order_id"

_COMPLETED = """
UPDATE @payment_ledger SET status = 'COMPLETED', reference = :reference, call = NULL
WHERE order_id = :order_id
"""

_ENDED = "UPDATE @payment_ledger SET status = :status, call = NULL WHERE order_id = :order_id"

_REFUNDED = """
UPDATE @payment_ledger SET status = 'REFUNDED', refunded_minor = amount_minor, call = NULL
WHERE order_id = :order_id
"""

_DUE = """
SELECT * FROM @payment_ledger WHERE call IS NOT NULL AND call_attempt = :attempt
ORDER BY call_since, order_id LIMIT :limit
"""


@dataclass(frozen=True)
class DueCall:
    """A call to the provider that is to be made, not before a time that depends on `since`."""

    kind: Literal["charge", "refund"]
    order_id: UUID
    payment_id: UUID
    attempt: int
    since: datetime
    payment_method: str
    amount: Money
    reference: str | None
    cause: Cause

    @property
    def key(self) -> str:
        """The idempotency key: the same for the same attempt, however often it is asked."""
        return f"{self.payment_id}:{self.kind}:{self.attempt}"


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
    tables = (_TABLE, _DUE_INDEX)

    @singledispatchmethod
    def react(self, event: Any, work: ProcessingEvent[UUID]) -> None:
        """See `Following.react`."""

    @react.register
    def _(self, event: Payment.Requested, work: ProcessingEvent[UUID]) -> None:
        self.write(
            work,
            _REQUESTED,
            order_id=str(event.order_id),
            payment_id=str(event.originator_id),
            payment_method=event.payment_method,
            currency=event.currency,
            amount_minor=Money(event.amount, event.currency).minor,
            at=event.timestamp,
            event_id=event.event_id,
            command_id=event.command_id,
            user=event.user,
        )

    @react.register
    def _(self, event: Payment.ChargeAttemptFailed, work: ProcessingEvent[UUID]) -> None:
        self._call("charge", event.attempt + 1, event, work)

    @react.register
    def _(self, event: Payment.ChargeUnanswered, work: ProcessingEvent[UUID]) -> None:
        self._call("charge", event.attempt, event, work)

    @react.register
    def _(self, event: Payment.Completed, work: ProcessingEvent[UUID]) -> None:
        self.write(work, _COMPLETED, order_id=str(event.order_id), reference=event.reference)

    @react.register
    def _(self, event: Payment.Declined, work: ProcessingEvent[UUID]) -> None:
        self.write(work, _ENDED, order_id=str(event.order_id), status="DECLINED")

    @react.register
    def _(self, event: Payment.RefundRequested, work: ProcessingEvent[UUID]) -> None:
        self.write(work, _STATUS, order_id=str(event.order_id), status="REFUND_REQUESTED")
        self._call("refund", 1, event, work)

    @react.register
    def _(self, event: Payment.RefundAttemptFailed, work: ProcessingEvent[UUID]) -> None:
        self._call("refund", event.attempt + 1, event, work)

    @react.register
    def _(self, event: Payment.Refunded, work: ProcessingEvent[UUID]) -> None:
        self.write(work, _REFUNDED, order_id=str(event.order_id))

    @react.register
    def _(self, event: Payment.RefundFailed, work: ProcessingEvent[UUID]) -> None:
        self.write(work, _ENDED, order_id=str(event.order_id), status="REFUND_FAILED")

    def _call(self, kind: str, attempt: int, event: Any, work: ProcessingEvent[UUID]) -> None:
        self.write(
            work,
            _CALL,
            order_id=str(event.order_id),
            call=kind,
            attempt=attempt,
            at=event.timestamp,
            event_id=event.event_id,
            command_id=event.command_id,
            user=event.user,
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

    def due_calls(self, attempt: int, limit: int) -> list[DueCall]:
        """Calls of an attempt that are to be made, the longest waiting first."""
        return [_due_call(row) for row in self.rows(_DUE, attempt=attempt, limit=limit)]

    def count_due_calls(self) -> int:
        """How many calls are to be made, now or later."""
        return int(self.rows("SELECT COUNT(*) AS n FROM @payment_ledger WHERE call IS NOT NULL")[0]["n"])


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
        cause=Cause(since, row["order_id"], row["call_event_id"], row["call_command_id"], row["call_user"]),
    )
