"""Look at fulfilments: the sagas that take orders from placed to confirmed, or back."""

from uuid import UUID

import click

from system.queries.fulfilment import fulfilment_of

from .commands import Group, order_argument, page_options
from .figures import figures
from .fulfilment_output import write_fulfilment
from .interventions import complete, fail, resume_from, retry
from .output import write_page
from .paging import pages
from .store import opened


@click.group(cls=Group)
def fulfilments() -> None:
    """Look at the fulfilments of orders."""


@fulfilments.command("list")
@click.option("--status", help="For instance COMPLETED, COMPENSATING or FAILED.")
@page_options
def list_fulfilments(status: str | None, limit: int, cursor: str | None, whole: bool) -> None:
    """List fulfilments, those that changed last first, from the saga log."""
    wanted = status and status.upper()
    with opened() as orderwright:
        page = pages(
            lambda page: orderwright.saga_log.list_fulfilments(wanted, page), limit, cursor, whole=whole
        )
    write_page(
        page,
        ("order", "status", "started", "updated", "reason"),
        (
            (row.order_id, row.status, row.started_at, row.updated_at, row.error or row.reason)
            for row in page.items
        ),
        "There are no such fulfilments.",
    )


@fulfilments.command("show")
@order_argument
def show_fulfilment(order_id: UUID) -> None:
    """Show the fulfilment of an order and its log, always fresh."""
    with opened() as orderwright:
        fulfilment = fulfilment_of(orderwright, order_id)
    write_fulfilment(fulfilment)


for command in (figures, retry, resume_from, complete, fail):
    fulfilments.add_command(command)
