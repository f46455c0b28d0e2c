"""Read models: what a rebuild would come to, how two versions differ, single rows, and how it was then."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import click

from application.limits import MAX_REASON
from system.followers.projection import Projection
from system.operations.read_models import find_read_model
from system.recovery.read_models.as_of import build_as_of
from system.recovery.read_models.comparing import Progress
from system.recovery.read_models.parity import compare, newest_version
from system.recovery.read_models.rehearsing import READING, RUNNING, rehearse
from system.recovery.read_models.repairing import preview_repair, repair

from .commands import Command, user_option
from .errors import REFUSED, UnusableFile, why
from .interrupting import interruptible
from .output import write_view
from .progress import progress_bars
from .projection_output import write_built, write_comparison, write_rehearsal, write_repair
from .store import command_by, opened
from .values import Time, Words

_name_argument = click.argument("name", metavar="NAME")
_quiet_option = click.option("--quiet", is_flag=True, help="No progress bar.")


@contextmanager
def comparing(projection: Projection, *, quiet: bool) -> Iterator[Progress]:
    """Bars for a comparison, a table each."""
    with progress_bars(quiet=quiet) as bars:
        yield bars.stages({table.name: "rows" for table in projection.tables})


def rehearse_rebuild(
    context: click.Context, name: str, sample: int, seed: int | None, *, quiet: bool
) -> None:
    """Show what a rebuild would come to."""
    with opened() as orderwright:
        projection = find_read_model(orderwright, name)
        units = {READING: "events", RUNNING: f"{projection.subject.noun}s"}
        with progress_bars(quiet=quiet) as bars:
            report = rehearse(orderwright, projection, sample, seed, bars.stages(units))
    write_view(report, write_rehearsal)
    context.exit(REFUSED if report.would_fail else 0)


@click.command("compare", cls=Command)
@_name_argument
@click.option(
    "--version",
    "number",
    type=click.IntRange(min=1),
    help="The version to compare with the one in use. Default: the newest.",
)
@_quiet_option
@click.pass_context
def compare_versions(context: click.Context, name: str, number: int | None, quiet: bool) -> None:
    """Compare a version of NAME with the one in use, row by row, at the same positions.

    Both are kept up to date meanwhile, and may go on. Differences are grouped: a new column, a changed value,
    a missing row, a row too many; each group with the first orders that it concerns. The result is kept
    with the version, for the switch. Exit code 1 when there is a difference.
    """
    with opened() as orderwright:
        projection = find_read_model(orderwright, name)
        version = newest_version(projection) if number is None else number
        with comparing(projection, quiet=quiet) as progress:
            report = compare(orderwright, projection, version, progress)
    write_view(report, write_comparison)
    context.exit(0 if report.is_equal else REFUSED)


@click.command("repair", cls=Command)
@_name_argument
@click.option("--order", "order_id", metavar="ORDER_ID", type=click.UUID, help="The order, by its id.")
@click.option("--sku", help="The product, where the read model is about products.")
@click.option("--yes", is_flag=True, help="Do it; without this it is only shown, and nothing changes.")
@click.option("--reason", type=Words(MAX_REASON), help="Why; it is kept with the change. Needed with --yes.")
@user_option
@click.pass_context
def repair_rows(
    context: click.Context,
    name: str,
    order_id: UUID | None,
    sku: str | None,
    yes: bool,
    reason: str | None,
    user: str,
) -> None:
    """Put the rows of one order (or product) in NAME right: derive them anew from its events.

    Shows what would change. With --yes it is written, in one transaction, beside followers that run. Exit
    code 1 when rows are wrong and were not put right, or an event cannot be handled.
    """
    if yes and reason is None:
        raise click.UsageError("--yes needs a --reason")
    with opened() as orderwright:
        projection = find_read_model(orderwright, name)
        key = _key(projection, order_id, sku)
        if yes and reason is not None:
            report = repair(orderwright, projection, key, command_by(user, orderwright), reason)
        else:
            report = preview_repair(orderwright, projection, key)
    write_view(report, write_repair)
    context.exit(REFUSED if report.is_needed and not report.is_done else 0)


def _key(projection: Projection, order_id: UUID | None, sku: str | None) -> str:
    is_about_orders = projection.subject.column == "order_id"
    wanted, option = (order_id, "--order") if is_about_orders else (sku, "--sku")
    if wanted is None or None not in (order_id, sku):
        raise click.UsageError(f"{projection.name} is about {projection.subject.noun}s: give one by {option}")
    return str(wanted)


@click.command("build", cls=Command)
@_name_argument
@click.option("--as-of", "as_of", type=Time(), required=True, help="The moment.")
@click.option(
    "--into",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The SQLite file to make. None is replaced.",
)
@_quiet_option
@click.pass_context
def build_as_of_time(context: click.Context, name: str, as_of: datetime, file: Path, quiet: bool) -> None:
    """Write NAME as it was at a moment into a new SQLite file, for a person to query.

    It is made by this release, of every event whose time is not after that moment. Beside the rows the
    table `about` says what it is. Nothing is left behind when it is interrupted. Exit code 1 when an
    event could not be handled: the file goes without it, and names it in the table `failures`.
    """
    with opened() as orderwright:
        projection = find_read_model(orderwright, name)
        try:
            with (
                interruptible(),
                progress_bars(quiet=quiet) as bars,
                bars.bar("Building", None, "events") as advance,
            ):

                def show(done: int, whole: int) -> None:
                    bars.describe("Building", whole)
                    advance(done, done)

                report = build_as_of(orderwright, type(projection), as_of, file, show)
        except FileExistsError:
            raise UnusableFile(f"{file} is there already; name another file") from None
        except BlockingIOError:
            raise UnusableFile(f"{file} is being made by another process") from None
        except OSError as error:
            raise UnusableFile(f"{file} cannot be written: {why(error)}") from None
    write_view(report, write_built)
    context.exit(REFUSED if report.failures else 0)
