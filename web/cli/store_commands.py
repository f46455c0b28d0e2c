"""The store as a whole: what can be done about it, whatever is stored in it."""

import click

from application.limits import MAX_REASON
from system.recovery.realigning import LogToRealign, RealignReport, preview_realigning
from system.recovery.realigning import realign as realign_logs

from .commands import Group, user_option
from .errors import REFUSED
from .output import write_fields, write_line, write_table, write_view
from .store import command_by, opened
from .values import Words
from .verification import reseal, verify


@click.group("store", cls=Group)
def store() -> None:
    """Look after the store as a whole."""


store.add_command(verify)
store.add_command(reseal)


@store.command("realign")
@click.option("--yes", is_flag=True, help="Do it; without this it is only shown, and nothing changes.")
@click.option("--reason", type=Words(MAX_REASON), help="Why; it is kept beside the log. Needed with --yes.")
@user_option
@click.pass_context
def realign(context: click.Context, yes: bool, reason: str | None, user: str) -> None:
    """Have followers read a log again from its first event, if it lacks events that they have read.

    Shows what disagrees and what would be done. With --yes it is done: read models are built from the
    first event, the others read from the beginning, and the log takes events again. Running
    processes go on by themselves. Exit code 1 when something disagrees and nothing was done.
    """
    if yes and reason is None:
        raise click.UsageError("--yes needs a --reason")
    with opened() as orderwright:
        if yes and reason is not None:
            command = command_by(user, orderwright)
            report = realign_logs(orderwright, command, reason)
        else:
            report = preview_realigning(orderwright)
    write_view(report, _write)
    context.exit(REFUSED if report.logs and not report.is_done else 0)


def _write(report: RealignReport) -> None:
    for log in report.logs:
        _write_log(log, is_done=report.is_done)
    if report.earlier:
        write_table(
            ("realigned at", "by", "reason", "what"),
            ((done.at, done.made_by, done.reason, done.what) for done in report.earlier),
        )
        write_line("")
    if not report.logs:
        write_line("Every log has what its followers have read. There is nothing to do.")
    elif report.is_done:
        write_line("Done. Followers go on by themselves where they run; then run `orderwright audit`.")
    else:
        write_line("Nothing was changed. To do it: orderwright store realign --yes --reason TEXT")


def _write_log(log: LogToRealign, *, is_done: bool) -> None:
    write_line(f"The log of {log.log}, which ends at {log.head}, lacks events that were read of it:")
    write_table(
        ("follower", ">has read up to", ">short by", "the event there was (position, stream, version, time)"),
        ((one.follower, one.position, one.missing, one.mark) for one in log.disagreements),
    )
    write_line("")
    write_table(
        ("done" if is_done else "to be done", "to"),
        (
            (
                "emptied, and built from the first event"
                if one.is_rebuilt
                else f"reads {', '.join(one.leaders)} from the first event",
                one.follower,
            )
            for one in log.rereadings
        ),
    )
    write_line("")
    orders = ", ".join(log.orders.order_ids) + (
        ", ..." if log.orders.count > len(log.orders.order_ids) else ""
    )
    write_fields(
        (
            ("next position", log.next_position),
            ("orders that only other logs know", f"{log.orders.count} {orders}".strip()),
            ("parked events that are gone, to be discarded", ", ".join(log.cases) or "none"),
        )
    )
    write_line("")
