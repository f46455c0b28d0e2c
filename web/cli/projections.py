"""The versions of read models: build one beside the other, have it served, go back, drop it."""

from dataclasses import dataclass
from datetime import timedelta

import click

from application.limits import MAX_REASON
from system.bootstrap import Orderwright
from system.operations.read_models import find_read_model, find_version, read_model, read_models
from system.recovery.read_models.building import BuildProgress, BuildReport, rebuild
from system.recovery.read_models.dropping import DropReport, drop
from system.recovery.read_models.rehearsing import ORDERS
from system.recovery.read_models.switching import SwitchReport, switch

from .commands import Group, ask, user_option, yes_option
from .errors import INTERRUPTED, REFUSED
from .interrupting import stoppable
from .output import write_line, write_view
from .progress import progress_bars
from .projection_checks import build_as_of_time, compare_versions, comparing, rehearse_rebuild, repair_rows
from .read_models import write_all, write_build, write_list, write_status
from .store import command_by, opened
from .values import Words


@dataclass(frozen=True)
class ResetReport:
    """What was built, and what is served since."""

    built: BuildReport
    switched: SwitchReport


_name_argument = click.argument("name", metavar="NAME")
_quiet_option = click.option("--quiet", is_flag=True, help="No progress bar.")


@click.group(cls=Group)
def projections() -> None:
    """Read models and their versions: rebuild, switch, go back.

    NAME is that of the read model, such as OrderDashboard, or of its table, such as order_dashboard.
    """


for command in (compare_versions, repair_rows, build_as_of_time):
    projections.add_command(command)


@projections.command("list")
def list_projections() -> None:
    """List the read models with their versions: which is served, how far each is."""
    with opened() as orderwright:
        report = read_models(orderwright)
    write_view(report, write_list)


@projections.command("status")
@click.argument("name", metavar="[NAME]", required=False)
def status(name: str | None) -> None:
    """Show the versions of NAME, or of every read model: positions, rate, estimate, failures, size."""
    with opened() as orderwright:
        if name is None:
            write_view(read_models(orderwright), write_all)
        else:
            write_view(read_model(orderwright, name), write_status)


@projections.command("rebuild")
@_name_argument
@click.option(
    "--rehearse", "is_rehearsal", is_flag=True, help="Only try the code on a sample; nothing is touched."
)
@click.option(
    "--sample",
    type=click.IntRange(0, 100_000),
    default=ORDERS,
    show_default=True,
    help="How many whole orders a rehearsal runs through, beside every kind of event.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Repeat an earlier rehearsal, which shows its seed.")
@_quiet_option
@user_option
@click.pass_context
def rebuild_projection(
    context: click.Context,
    name: str,
    is_rehearsal: bool,
    sample: int,
    seed: int | None,
    quiet: bool,
    user: str,
) -> None:
    """Build a new version of NAME from the first event, beside the one that is served.

    The service goes on meanwhile, with the version that it had. What is unfinished is gone on with: after
    Ctrl-C, a crash or a kill the same command does the rest. When it is ready it is kept up to date by
    the runner, and `orderwright projections switch` has it served.

    Exit code 1 if an event could not be taken in; each is listed with its position, type, order and error.

    With --rehearse nothing is built: what would fail is named, and how long it will take, and how much room
    it needs. Exit code 1 then if something would fail.
    """
    if is_rehearsal:
        rehearse_rebuild(context, name, sample, seed, quiet=quiet)
        return
    with opened() as orderwright:
        report = _built(orderwright, name, user, quiet=quiet)
    write_view(report, write_build)
    context.exit(_exit_code(report))


@projections.command("switch")
@_name_argument
@click.option(
    "--version",
    "number",
    type=click.IntRange(min=1),
    help="The version to serve: an older one to go back. Default: the newest.",
)
@click.option(
    "--accept",
    "accepted",
    metavar="GROUP",
    multiple=True,
    help="A difference that is meant, as `compare` names it; may be given several times. Needs a --reason.",
)
@click.option("--reason", type=Words(MAX_REASON), help="Why; kept with who has done it and when.")
@_quiet_option
@user_option
def switch_projection(
    name: str, number: int | None, accepted: tuple[str, ...], reason: str | None, quiet: bool, user: str
) -> None:
    """Have another version of NAME served, or an older one again.

    It is brought level first. Refused while it is not ready, could not take in every event, or is far
    behind; and, the first time, while it differs from the one that is served in a way that nobody has
    accepted: the two are compared unless that was done. The version that was served is kept up to date, so
    that --version brings it back.
    """
    if accepted and not reason:
        raise click.UsageError("--accept needs a --reason")
    with opened() as orderwright:
        command = command_by(user, orderwright)
        with comparing(find_read_model(orderwright, name), quiet=quiet) as progress:
            report = switch(orderwright, name, command, reason or "", number, accepted, progress)
    write_view(report, _write_switch)


@projections.command("drop")
@_name_argument
@click.option("--version", "number", type=click.IntRange(min=1), required=True, help="The version to drop.")
@yes_option
@user_option
def drop_projection(name: str, number: int, yes: bool, user: str) -> None:
    """Drop a version of NAME that is not served: its tables go. Who builds it at the moment stops."""
    with opened() as orderwright:
        projection = find_read_model(orderwright, name)
        find_version(projection, number)
        ask(f"Drop version {number} of {projection.name} and all its rows?", yes=yes)
        report = drop(orderwright, name, number, command_by(user, orderwright))
    write_view(report, _write_drop)


@projections.command("reset")
@_name_argument
@click.option("--reason", type=Words(MAX_REASON), help="Why; kept with who has done it and when.")
@yes_option
@_quiet_option
@user_option
@click.pass_context
def reset_projection(
    context: click.Context, name: str, reason: str | None, yes: bool, quiet: bool, user: str
) -> None:
    """Build NAME anew from the first event and have that served: rebuild and switch in one.

    Exit code 1 if an event could not be taken in, or if the rows differ from those that are served; these
    stay then, and `switch --accept` has the new ones served.
    """
    with opened() as orderwright:
        projection = find_read_model(orderwright, name)
        ask(f"Build {projection.name} anew from the first event, and have that served?", yes=yes)
        built = _built(orderwright, name, user, quiet=quiet)
        if not built.is_ready or built.failures:
            write_view(built, write_build)
            context.exit(_exit_code(built))
        command = command_by(user, orderwright)
        with comparing(projection, quiet=quiet) as progress:
            done = switch(orderwright, name, command, reason or "reset", built.version, (), progress)
    write_view(ResetReport(built, done), _write_reset)


def _built(orderwright: Orderwright, name: str, user: str, *, quiet: bool) -> BuildReport:
    projection = find_read_model(orderwright, name)
    with (
        progress_bars(quiet=quiet) as bars,
        bars.bar("Building", None, "events") as advance,
        stoppable() as stop,
    ):

        def show(progress: BuildProgress) -> None:
            bars.describe(_description(orderwright, progress), progress.events)
            advance(progress.events_read, progress.events_read)

        return rebuild(orderwright, projection.name, command_by(user, orderwright), show, lambda: not stop)


def _description(orderwright: Orderwright, progress: BuildProgress) -> str:
    if progress.left_seconds is None:
        return f"Building v{progress.version}"
    done_at = orderwright.clock() + timedelta(seconds=progress.left_seconds)
    return f"Building v{progress.version}, until {done_at.astimezone():%H:%M:%S}"


def _exit_code(report: BuildReport) -> int:
    if not report.is_ready:
        return INTERRUPTED
    return REFUSED if report.failures else 0


def _write_reset(report: ResetReport) -> None:
    write_build(report.built)
    _write_switch(report.switched)


def _write_switch(report: SwitchReport) -> None:
    if report.replayed:
        write_line(f"Nothing new: version {report.version} of {report.name} is served.")
        return
    write_line(f"Version {report.version} of {report.name} is served, version {report.before} is kept.")
    back = f"orderwright projections switch {report.name} --version {report.before}"
    write_line(f"To go back: {back}")


def _write_drop(report: DropReport) -> None:
    write_line(f"Version {report.version} of {report.name} is dropped: {', '.join(report.tables)}.")
