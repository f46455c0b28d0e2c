"""Look at payments."""

from uuid import UUID

import click

from .commands import Group, wants_json
from .output import write_fields, write_json
from .store import opened


@click.group(cls=Group)
def payments() -> None:
    """Look at the payments of orders."""


@payments.command("show")
@click.argument("order_id", metavar="ORDER_ID", type=click.UUID)
def show_payment(order_id: UUID) -> None:
    """Show the payment of an order, from the payment ledger."""
    with opened() as orderwright:
        payment = orderwright.payment_ledger.payment(order_id)
    if wants_json():
        write_json(payment)
        return
    write_fields(
        (
            ("order", payment.order_id),
            ("status", payment.status),
            ("amount", f"{payment.amount} {payment.currency}"),
            ("refunded", f"{payment.refunded} {payment.currency}"),
        )
    )
