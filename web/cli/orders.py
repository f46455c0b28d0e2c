"""Orders: place and cancel one; a list, one of them now or then, its events, what caused what, its story."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import click

from application.limits import MAX_CUSTOMER_ID, MAX_ORDER_REF
from application.queries import ORDER_SORTS, OrderQuery
from application.views import OrderView
from system.bootstrap import Orderwright
from system.queries.causal_tree import causal_tree
from system.queries.explain import Story, explain
from system.queries.trail import order_events

from .commands import Group, page_options, wants_json
from .order_commands import cancel, place
from .output import write_fields, write_json, write_line, write_page, write_table, write_view
from .paging import pages
from .store import opened
from .tree import write_causal_tree
from .values import Time, Words


@click.group(cls=Group)
def orders() -> None:
    """Place, cancel and look at orders."""


@contextmanager
def _opened(order_id: UUID | None, order_ref: str | None) -> Iterator[tuple[Orderwright, UUID]]:
    """The system, and the id of the order that is named."""
    if (order_id is None) == (order_ref is None):
        raise click.UsageError("name one order: by its ID, or with --ref")
    with opened() as orderwright:
        yield orderwright, order_id or orderwright.orders.order_id_of(str(order_ref))


_id_argument = click.argument("order_id", metavar="ID", type=click.UUID, required=False)
_ref_option = click.option(
    "--ref",
    "order_ref",
    type=Words(MAX_ORDER_REF),
    help="The reference of the order, in place of ID.",
)


@orders.command("list")
@click.option("--status", help="CREATED, CONFIRMED or CANCELLED.")
@click.option("--customer", type=Words(MAX_CUSTOMER_ID), help="Orders of this customer only.")
@click.option("--from", "created_from", type=Time(), help="Created at this time or later.")
@click.option("--to", "created_to", type=Time(), help="Created before this time.")
@click.option(
    "--sort",
    default=OrderQuery.sort,
    show_default=True,
    help=f"One of {', '.join(ORDER_SORTS)}; with - before it in descending order.",
)
@page_options
def list_orders(
    status: str | None,
    customer: str | None,
    created_from: datetime | None,
    created_to: datetime | None,
    sort: str,
    limit: int,
    cursor: str | None,
    whole: bool,
) -> None:
    """List orders, the newest first, from the order dashboard."""
    query = OrderQuery(status and status.upper(), customer, created_from, created_to, sort)
    with opened() as orderwright:
        page = pages(lambda page: orderwright.dashboard.list_orders(query, page), limit, cursor, whole=whole)
    write_page(
        page,
        (
            "order",
            "reference",
            "customer",
            "status",
            ">total",
            "",
            "created",
            "fulfilment",
            "payment",
            "reason",
        ),
        (
            (
                order.order_id,
                order.order_ref,
                order.customer_id,
                order.status,
                order.total,
                order.currency,
                order.created_at,
                order.fulfilment_status,
                order.payment_status,
                order.error or order.cancel_reason,
            )
            for order in page.items
        ),
        "There are no such orders.",
    )


@orders.command("show")
@_id_argument
@_ref_option
@click.option("--version", type=click.IntRange(min=1), help="As it was at this version.")
@click.option("--as-of", type=Time(), help="As it was at this time.")
def show_order(
    order_id: UUID | None, order_ref: str | None, version: int | None, as_of: datetime | None
) -> None:
    """Show an order, always fresh: now, at a version, or as of a time."""
    if version is not None and as_of is not None:
        raise click.UsageError("an order is shown at a --version or --as-of a time, not both")
    with _opened(order_id, order_ref) as (orderwright, wanted):
        order = _order_at(orderwright, wanted, version, as_of)
    write_view(order, _write)


def _write(order: OrderView) -> None:
    write_fields(
        (
            ("order", order.order_id),
            ("reference", order.order_ref),
            ("customer", order.customer_id),
            ("status", order.status),
            ("total", f"{order.total} {order.currency}"),
            ("version", order.version),
            ("created", order.created_at),
            ("confirmed", order.confirmed_at),
            ("cancelled", order.cancelled_at),
            ("reason", order.cancel_reason),
        )
    )
    write_line("")
    write_table(
        ("item", ">quantity", ">unit price"),
        ((item.sku, item.quantity, item.unit_price) for item in order.items),
    )


def _order_at(
    orderwright: Orderwright, order_id: UUID, version: int | None, as_of: datetime | None
) -> OrderView:
    if version is not None:
        return orderwright.orders.order_at_version(order_id, version)
    if as_of is not None:
        return orderwright.orders.order_as_of(order_id, as_of)
    return orderwright.orders.order(order_id)


@orders.command("events")
@_id_argument
@_ref_option
def list_events(order_id: UUID | None, order_ref: str | None) -> None:
    """List every event about an order, in every application, causes before effects."""
    with _opened(order_id, order_ref) as (orderwright, wanted):
        events = order_events(orderwright, wanted)
    if wants_json():
        write_json({"events": events})
        return
    write_table(
        ("recorded", "application", ">position", "event", ">version", "user", "event id", "error"),
        (
            (
                event.recorded_at,
                event.application,
                event.position,
                event.type,
                event.stream_version,
                event.user,
                event.event_id,
                event.error,
            )
            for event in events
        ),
    )


@orders.command("explain")
@_id_argument
@_ref_option
def explain_order(order_id: UUID | None, order_ref: str | None) -> None:
    """Tell an order's story in plain sentences, and what it waits for now."""
    with _opened(order_id, order_ref) as (orderwright, wanted):
        story = explain(orderwright, wanted)
    write_view(story, _tell)


@orders.command("tree")
@_id_argument
@_ref_option
def show_tree(order_id: UUID | None, order_ref: str | None) -> None:
    """Show what caused what about an order, in every application, with the times between."""
    with _opened(order_id, order_ref) as (orderwright, wanted):
        tree = causal_tree(orderwright, wanted)
    write_view(tree, write_causal_tree)


def _tell(story: Story) -> None:
    for sentence in story.sentences:
        write_line(sentence)


for command in (place, cancel):
    orders.add_command(command)
