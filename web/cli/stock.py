"""Look at stock, take goods in, correct what was taken in wrongly, release what is held for nobody."""

import click

from application.limits import MAX_REASON
from application.views import to_json
from system.queries.holders import holders

from .commands import Group, page_options, user_option, wants_json
from .output import write_fields, write_json, write_line, write_outcome, write_page
from .paging import pages
from .reservations import release
from .store import command_by, followed, let_it_be_seen, opened
from .values import MAX_KEY, Name, Words


@click.group(cls=Group)
def stock() -> None:
    """Look at stock, receive, correct and release it."""


@stock.command("list")
@page_options
def list_stock(limit: int, cursor: str | None, whole: bool) -> None:
    """List the stock of every product, by SKU."""
    with opened() as orderwright:
        page = pages(orderwright.stock_levels.list_stock, limit, cursor, whole=whole)
    write_page(
        page,
        ("product", ">on hand", ">reserved", ">available"),
        ((item.sku, item.on_hand, item.reserved, item.available) for item in page.items),
        "No product was ever received.",
    )


@stock.command("show")
@click.argument("sku")
@page_options
def show_stock(sku: str, limit: int, cursor: str | None, whole: bool) -> None:
    """Show the stock of the product SKU, and the orders that hold it, the latest first.

    An order that does not exist has no status: see `orderwright stock release`.
    """
    with opened() as orderwright:
        item = orderwright.stock_levels.stock(sku)
        page = pages(lambda page: holders(orderwright, sku, page), limit, cursor, whole=whole)
    if wants_json():
        write_json({**to_json(item), "holders": page})
        return
    write_fields(
        (
            ("product", item.sku),
            ("on hand", item.on_hand),
            ("reserved", item.reserved),
            ("available", item.available),
            ("version", item.version),
        )
    )
    write_line("")
    write_page(
        page,
        ("held for order", ">quantity", "since", "the order is"),
        ((one.order_id, one.quantity, one.reserved_at, one.order_status) for one in page.items),
        f"More: --cursor {page.next_cursor}" if page.next_cursor else "No order holds it.",
    )


@stock.command("receive")
@click.argument("sku")
@click.argument("quantity", type=int)
@click.option("--key", type=Name(MAX_KEY), help="Sent again with the same key, the receipt is recorded once.")
@user_option
def receive_stock(sku: str, quantity: int, key: str | None, user: str) -> None:
    """Take QUANTITY of the product SKU in."""
    with followed() as (orderwright, service):
        context = command_by(user, orderwright, key)
        written = orderwright.inventory.receive_stock(sku, quantity, context)
        let_it_be_seen(written, orderwright.stock_levels, orderwright, service)
    receipt = written.view
    write_outcome(
        receipt,
        replayed=written.replayed,
        done=f"Received {quantity} of {receipt.sku} as event {receipt.event_id}; "
        f"on hand {receipt.on_hand}, available {receipt.available}.",
        before=f"this was received before, as event {receipt.event_id}.",
    )


@stock.command("correct")
@click.argument("sku")
@click.argument("event_id")
@click.argument("quantity", type=int)
@click.option("--reason", required=True, type=Words(MAX_REASON), help="Why; recorded with the correction.")
@user_option
def correct_receipt(sku: str, event_id: str, quantity: int, reason: str, user: str) -> None:
    """Make the receipt EVENT_ID of the product SKU count for QUANTITY instead."""
    with followed() as (orderwright, service):
        context = command_by(user, orderwright)
        written = orderwright.inventory.correct_receipt(sku, event_id, quantity, reason, context)
        let_it_be_seen(written, orderwright.stock_levels, orderwright, service)
    item = written.view
    write_outcome(
        item,
        replayed=written.replayed,
        done=f"Corrected; on hand {item.on_hand}, available {item.available}.",
        before=f"that receipt counts for {quantity} already.",
    )


stock.add_command(release)
