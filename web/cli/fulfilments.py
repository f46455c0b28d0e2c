"""Look at fulfilments: the sagas that take orders from placed to confirmed, or back."""

from uuid import UUID

import click

from system.operations.saga import fulfilment_of

from .commands import Group, page_options, wants_json
from .output import write_fields, write_json, write_line, write_page, write_table
from .paging import pages
from .store import opened


@click.group(cls=Group)
def fulfilments() -> None:
    """Look at the fulfilments of orders."""


@fulfilments.command("list")
@click.option("--status", help="For instance COMPLETED, COMPENSATING or FAILED.")
@page_options
def list_fulfilments(status: str | None, limit: int, cursor: str | None, whole: bool) -> None:
    """List fulfilments, the latest change first, from the saga log."""
    wanted = status and status.upper()
    with opened() as orderwright:
        page = pages(
            lambda page: orderwright.saga_log.list_fulfilments(wanted, page), limit, cursor, whole=whole
        )
    write_page(
        page,
        ("order", "status", "started", "updated", "reason"),
        ((row.order_id, row.status, row.started_at, row.updated_at, row.reason) for row in page.items),
        "There are no such fulfilments.",
    )


@fulfilments.command("show")
@click.argument("order_id", metavar="ORDER_ID", type=click.UUID)
def show_fulfilment(order_id: UUID) -> None:
    """Show the fulfilment of an order and its log, always fresh."""
    with opened() as orderwright:
        fulfilment = fulfilment_of(orderwright, order_id)
    if wants_json():
        write_json(fulfilment)
        return
    write_fields((("order", fulfilment.order_id), ("status", fulfilment.status)))
    write_line("")
    write_table(
        ("at", "step", "status", ">attempt", "error"),
        ((step.at, step.step, step.status, step.attempt, step.error) for step in fulfilment.steps),
    )
