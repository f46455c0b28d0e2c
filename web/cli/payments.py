"""Look at payments."""

from uuid import UUID

import click

from application.views import PaymentView

from .commands import Group, order_argument
from .output import write_fields, write_view
from .store import opened


@click.group(cls=Group)
def payments() -> None:
    """Look at the payments of orders."""


@payments.command("show")
@order_argument
def show_payment(order_id: UUID) -> None:
    """Show the payment of an order, from the payment ledger."""
    with opened() as orderwright:
        payment = orderwright.payment_ledger.payment(order_id)
    write_view(payment, _write)


def _write(payment: PaymentView) -> None:
    write_fields(
        (
            ("order", payment.order_id),
            ("status", payment.status),
            ("amount", f"{payment.amount} {payment.currency}"),
            ("refunded", f"{payment.refunded} {payment.currency}"),
        )
    )
