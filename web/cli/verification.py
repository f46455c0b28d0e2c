"""Verify the store, and tell the seals of a change."""

from collections.abc import Iterable, Mapping

import click

from application.limits import MAX_REASON
from system.definition import orderwright as definition
from system.verification.report import VerificationReport
from system.verification.resealing import ResealReport, preview_resealing
from system.verification.resealing import reseal as reseal_log
from system.verification.run import SAMPLE, Stage
from system.verification.run import verify as verify_store

from .commands import Command, user_option
from .errors import REFUSED
from .output import write_line, write_table, write_view
from .progress import progress_bars
from .store import command_by, opened
from .values import Words

_UNITS: Mapping[str, str] = {Stage.READING: "events", Stage.COMPARING: "orders", Stage.REPLAYING: "snapshots"}
_LOGS = click.Choice(sorted(definition.nodes))


@click.command(cls=Command)
@click.option("--full", is_flag=True, help="Read every event again, and compare the rows of every order.")
@click.option(
    "--sample",
    type=click.IntRange(0, 1_000_000),
    default=SAMPLE,
    show_default=True,
    help="Compare the rows of so many orders or products of each read model.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def verify(context: click.Context, full: bool, sample: int, quiet: bool) -> None:
    """Verify events, positions and read models while the system works, and seal what is new.

    Reads what is new in each log and a thirtieth of what is sealed, counts the rest, and compares samples of
    rows with what the events lead to. Each finding names the place and what to do now. Exit code 1 when
    there is one.
    """
    with opened() as orderwright, progress_bars(quiet=quiet) as bars:
        report = verify_store(orderwright, is_full=full, sample=sample, progress=bars.stages(_UNITS))
    write_view(report, _write)
    context.exit(0 if report.is_clean else REFUSED)


def _write(report: VerificationReport) -> None:
    write_table(
        ("log", ">events up to", ">sealed to", ">read", ">new", ">holes", "value of the last seal"),
        (
            (log.log, log.head, log.sealed_to, log.read, log.new, log.holes, log.chain[:16])
            for log in report.logs
            if log.head or log.sealed_to
        ),
    )
    write_line("")
    write_table(
        ("read model", ">compared", ">left out"),
        ((name, count, report.skipped.get(name, 0)) for name, count in report.compared.items()),
    )
    if report.snapshots:
        write_line(f"Snapshots compared: {report.snapshots:,}.")
    if report.findings:
        write_line("")
        write_table(
            ("verdict", "in", "where", "what is wrong", "what to do now"),
            ((one.verdict, one.application, one.place, one.what, one.advice) for one in report.findings),
        )
    write_line("")
    for sentence in _sentences(report):
        write_line(sentence)


def _sentences(report: VerificationReport) -> Iterable[str]:
    unknown = sum(log.holes_unknown for log in report.logs)
    yield f"Took {report.seconds:,.1f} seconds."
    if unknown:
        yield (
            f"{unknown:,} positions among the new ones have no event: refused appends leave such holes on "
            "PostgreSQL. They are sealed as holes."
        )
    if report.is_clean:
        yield "Nothing is wrong."
    else:
        others = report.found - len(report.findings)
        yield f"Found {report.found:,}" + (f", of which {others:,} are not listed." if others else ".")


@click.command(cls=Command)
@click.argument("log", type=_LOGS)
@click.option(
    "--from",
    "position",
    type=click.IntRange(1),
    required=True,
    help="The first position that was changed. The seals of its range and of all after it are given up.",
)
@click.option("--yes", is_flag=True, help="Do it; without this it is only shown, and nothing changes.")
@click.option("--reason", type=Words(MAX_REASON), help="Why; it is kept beside the seals. Needed with --yes.")
@user_option
def reseal(log: str, position: int, yes: bool, reason: str | None, user: str) -> None:
    """Tell the seals that events of LOG were changed rightly from a position on.

    Shows which seals would be given up and where the log differs from them. With --yes they are, and the
    next `store verify` seals what it finds, once nothing is wrong with it.
    """
    if yes and reason is None:
        raise click.UsageError("--yes needs a --reason")
    with (
        opened() as orderwright,
        progress_bars(quiet=False) as bars,
        bars.bar("Comparing", None, "events") as look,
    ):
        if yes and reason is not None:
            command = command_by(user, orderwright)
            report = reseal_log(orderwright, log, position, command, reason, look)
        else:
            report = preview_resealing(orderwright, log, position, look)
    write_view(report, _write_resealing)


def _write_resealing(report: ResealReport) -> None:
    if not report.events:
        write_line("Nothing is sealed there.")
        return
    named = ", ".join(map(str, report.positions))
    more = ", ..." if report.differing > len(report.positions) else ""
    where = (
        f" {report.differing:,} positions: {named}{more}" if report.differing else " none of their positions"
    )
    write_line(
        f"Seals of {report.log} from position {report.first:,} to {report.last:,}, of {report.events:,} "
        f"events; the log differs from them at{where}."
    )
    if report.is_done:
        write_line("They are given up. Now run `orderwright store verify`, which seals what it finds.")
    else:
        write_line(
            f"Nothing was changed. To give them up: orderwright store reseal {report.log} "
            f"--from {report.first} --yes --reason TEXT"
        )
