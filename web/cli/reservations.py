"""Release stock that is held for nobody."""

from uuid import UUID

import click

from application.limits import MAX_REASON
from system.recovery.releasing import ReservationReport, preview_release, release_reservation

from .commands import Command, ask, order_argument, user_option, wants_json, yes_option
from .errors import REFUSED
from .output import write_fields, write_json, write_line
from .store import command_by, opened
from .values import Words


@click.command("release", cls=Command)
@order_argument
@click.option("--reason", type=Words(MAX_REASON), help="Why; recorded in the order's trail.")
@click.option("--dry-run", is_flag=True, help="Show what is reserved and whether it can be released, only.")
@yes_option
@user_option
@click.pass_context
def release(
    context: click.Context, order_id: UUID, reason: str | None, dry_run: bool, yes: bool, user: str
) -> None:
    """Release the stock that is held for ORDER_ID although nobody needs it any more.

    Refused unless the order does not exist, or is not confirmed and its fulfilment has ended: that is what
    the audit calls reservation_has_order. The stock of any other order is given back by cancelling it.
    With --dry-run the exit code is 1 when it cannot be released.
    """
    if not dry_run and reason is None:
        raise click.UsageError("to release stock needs a --reason (or look first, with --dry-run)")
    with opened() as orderwright:
        report = preview_release(orderwright, order_id)
        if not dry_run and reason is not None:
            if report.can_be_released:
                ask(_question(report), yes=yes)
            command = command_by(user, orderwright)
            report = release_reservation(orderwright, order_id, command, reason)
    if wants_json():
        write_json(report)
    elif dry_run:
        _show(report)
    elif report.released:
        write_line(f"Released what was held for order {order_id}: {_goods(report)}.")
    else:
        write_line(f"Nothing to do: of the stock of order {order_id}, {report.why}.")
    context.exit(REFUSED if dry_run and not report.can_be_released else 0)


def _show(report: ReservationReport) -> None:
    write_fields(
        (
            ("order", report.order_id),
            ("reservation", report.status),
            ("products", _goods(report) or None),
            ("can be released", "yes" if report.can_be_released else "no"),
            ("because", report.why),
        )
    )


def _question(report: ReservationReport) -> str:
    return f"Release {_goods(report)}, held for order {report.order_id}?"


def _goods(report: ReservationReport) -> str:
    return ", ".join(f"{line.quantity} of {line.sku}" for line in report.lines)
