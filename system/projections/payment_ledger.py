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
from system.persistence.tables import SameAs, Table

from .projection import Projection

# A call is due while `call` is not null. `call_*` is what the call has to say it happens because of.
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
    },
    key=("order_id",),
    indexes={"payment_ledger_due": "(call_attempt, call_since, order_id) WHERE call IS NOT NULL"},
)

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
    tables = (LEDGER,)

    @singledispatchmethod
    def react(self, event: Any, work: ProcessingEvent[UUID]) -> None:
        """See `Following.react`."""

    @react.register
    def _(self, event: Payment.Requested, work: ProcessingEvent[UUID]) -> None:
        self.put(
            work,
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

    @react.register
    def _(self, event: Payment.ChargeAttemptFailed, work: ProcessingEvent[UUID]) -> None:
        self._call("charge", event.attempt + 1, event, work)

    @react.register
    def _(self, event: Payment.ChargeUnanswered, work: ProcessingEvent[UUID]) -> None:
        self._call("charge", event.attempt, event, work)

    @react.register
    def _(self, event: Payment.Completed, work: ProcessingEvent[UUID]) -> None:
        self._end("COMPLETED", event, work, reference=event.reference)

    @react.register
    def _(self, event: Payment.Declined, work: ProcessingEvent[UUID]) -> None:
        self._end("DECLINED", event, work)

    @react.register
    def _(self, event: Payment.RefundRequested, work: ProcessingEvent[UUID]) -> None:
        self.change(work, LEDGER, order_id=str(event.order_id), status="REFUND_REQUESTED")
        self._call("refund", 1, event, work)

    @react.register
    def _(self, event: Payment.RefundAttemptFailed, work: ProcessingEvent[UUID]) -> None:
        self._call("refund", event.attempt + 1, event, work)

    @react.register
    def _(self, event: Payment.Refunded, work: ProcessingEvent[UUID]) -> None:
        self._end("REFUNDED", event, work, refunded_minor=SameAs("amount_minor"))

    @react.register
    def _(self, event: Payment.RefundFailed, work: ProcessingEvent[UUID]) -> None:
        self._end("REFUND_FAILED", event, work)

    def _call(self, kind: str, attempt: int, event: Any, work: ProcessingEvent[UUID]) -> None:
        self.change(work, LEDGER, order_id=str(event.order_id), **_call(kind, attempt, event))

    def _end(self, status: str, event: Any, work: ProcessingEvent[UUID], **values: Any) -> None:
        self.change(work, LEDGER, order_id=str(event.order_id), status=status, call=None, **values)

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


def _call(kind: str, attempt: int, event: Any) -> dict[str, Any]:
    """What makes a call due. It is null in a row without one; the rest is what the call has to say
    it happens because of."""
    return {
        "call": kind,
        "call_attempt": attempt,
        "call_since": event.timestamp,
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
        cause=Cause(since, row["order_id"], row["call_event_id"], row["call_command_id"], row["call_user"]),
    )
