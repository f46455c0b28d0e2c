"""What is asked of the payment ledger."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from application.queries import PaymentNotFound
from application.views import PaymentView
from domain.shared.money import Money
from system.followers.projection import Projection


@dataclass(frozen=True)
class PaymentTotal:
    """How many payments have a status in a currency, and what they come to."""

    status: str
    currency: str
    count: int
    amount: Decimal


class LedgerQueries(Projection):
    """Answers from the rows of the ledger."""

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


def _major(minor: int, currency: str) -> Decimal:
    one = Money.of_minor(1, currency).amount
    return one * minor
