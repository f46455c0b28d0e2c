"""Place and cancel orders."""

from uuid import UUID

import click

from application.errors import DomainError
from application.limits import (
    MAX_CUSTOMER_ID,
    MAX_ORDER_REF,
    MAX_PAYMENT_METHOD,
    MAX_REASON,
    amount_of,
    quantity_of,
)
from application.orders import Item, PlaceOrder
from application.views import OrderView

from .commands import Command, ask, order_argument, user_option, yes_option
from .output import write_outcome
from .store import command_by, followed, let_it_be_seen
from .values import MAX_KEY, Name, Words


class OrderItem(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """A line of an order: SKU:QUANTITY:UNIT_PRICE. The SKU may hold colons itself."""

    name = "item"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Item:
        """See `click.ParamType`."""
        if isinstance(value, Item):
            return value
        sku, *rest = str(value).rsplit(":", 2)
        if len(rest) != 2:
            self.fail(f"{value!r} is not a line like TEA-1:2:4.50 (SKU:QUANTITY:UNIT_PRICE)", param, ctx)
        try:
            return Item(sku, quantity_of(rest[0]), amount_of(rest[1]))
        except DomainError as error:
            self.fail(f"{value!r}: {error.message}", param, ctx)


@click.command("place", cls=Command)
@click.option("--customer", required=True, type=Name(MAX_CUSTOMER_ID), help="Whose order it is.")
@click.option("--currency", required=True, help="Three letters, such as EUR.")
@click.option(
    "--item",
    "items",
    required=True,
    multiple=True,
    type=OrderItem(),
    metavar="SKU:QUANTITY:UNIT_PRICE",
    help="A line of the order; one --item for each.",
)
@click.option(
    "--payment-method",
    required=True,
    type=Name(MAX_PAYMENT_METHOD),
    help="How it is paid, as the payment provider knows it.",
)
@click.option("--ref", "order_ref", type=Name(MAX_ORDER_REF), help="The shop's own reference of the order.")
@click.option(
    "--key", type=Name(MAX_KEY), help="Sent again with the same key, the order is placed only once."
)
@user_option
def place(
    customer: str,
    currency: str,
    items: tuple[Item, ...],
    payment_method: str,
    order_ref: str | None,
    key: str | None,
    user: str,
) -> None:
    """Place an order, as a shop does over HTTP. With --key or --ref it is safe to repeat.

    Where no runner follows, it is fulfilled before the command ends, as far as that is possible at once.
    """
    command = PlaceOrder(customer, currency, payment_method, items, order_ref, key)
    with followed() as (orderwright, service):
        context = command_by(user, orderwright)
        written = orderwright.orders.place_order(command, context)
        let_it_be_seen(written, orderwright.dashboard, orderwright, service)
        order = orderwright.orders.order(UUID(written.view.order_id))
    write_outcome(
        order,
        replayed=written.replayed,
        done=f"Placed order {order.order_id}: {order.total} {order.currency}; it is {order.status}.",
        before=f"this order was placed before, as {order.order_id}; it is {order.status}.",
    )


@click.command("cancel", cls=Command)
@order_argument
@click.option("--reason", required=True, type=Words(MAX_REASON), help="Why; recorded in the order's trail.")
@click.option(
    "--key", type=Name(MAX_KEY), help="Sent again with the same key, it is not refused as cancelled already."
)
@yes_option
@user_option
def cancel(order_id: UUID, reason: str, key: str | None, yes: bool, user: str) -> None:
    """Cancel ORDER_ID. Its fulfilment gives back what was charged and what is reserved.

    Where no runner follows, that is done before the command ends, as far as it is possible at once.
    """
    with followed() as (orderwright, service):
        order = orderwright.orders.order(order_id)
        ask(_question(order), yes=yes)
        context = command_by(user, orderwright, key)
        written = orderwright.orders.cancel_order(order_id, reason, context)
        let_it_be_seen(written, orderwright.dashboard, orderwright, service)
    write_outcome(
        written.view,
        replayed=written.replayed,
        done=f"Cancelled order {order_id}. What was charged and reserved for it is given back: "
        f"`orderwright orders explain {order_id}` tells how far that is.",
        before=f"this command cancelled order {order_id} before.",
    )


def _question(order: OrderView) -> str:
    return (
        f"Cancel order {order.order_id} of {order.customer_id} over {order.total} {order.currency}, "
        f"which is {order.status}?"
    )
