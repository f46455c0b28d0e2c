"""Every kind of event: what it says, who reads it, and how many are stored of each version."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from system.catalogue.corpus import NoCorpus
from system.catalogue.harvest import Harvest, harvest
from system.catalogue.report import Catalogue, KindView, catalogue

from .commands import Command
from .errors import REFUSED, UnusableFile, UnwritableOutput
from .output import write_fields, write_line, write_table, write_view
from .progress import progress_bars
from .store import opened


@click.command("catalogue", cls=Command)
@click.option("--type", "topic", metavar="TYPE", help="Only this kind of event, with its fields.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def show_catalogue(context: click.Context, topic: str | None, quiet: bool) -> None:
    """List every kind of event: its versions, how many of each are stored since when, and who reads it.

    Counts what came since the last time, which may take a while the first time; stopped, it goes on from
    there. Exit code 1 when events are stored that this release does not know.
    """
    with opened() as orderwright, progress_bars(quiet=quiet) as bars:
        units = dict.fromkeys(orderwright.applications, "events")
        report = catalogue(orderwright, look=bars.stages(units))
    if topic is not None:
        chosen = tuple(kind for kind in report.kinds if kind.type == topic)
        if not chosen:
            raise click.UsageError(f"there is no kind of event {topic!r}; without --type all are listed")
        report = replace(report, kinds=chosen)
    write_view(report, _write if topic is None else _write_one)
    context.exit(REFUSED if report.strange else 0)


def _write(report: Catalogue) -> None:
    write_table(
        ("event", ">version", ">stored", "first", "last", "handled by"),
        (row for kind in report.kinds for row in _rows(kind)),
    )
    _write_strange(report)


def _rows(kind: KindView) -> Iterator[Sequence[object]]:
    for version in kind.versions:
        is_present = version.version == kind.version
        readers = ", ".join(kind.consumers.handled_by) if is_present else ""
        yield (
            kind.type,
            version.version,
            f"{version.events:,}" if version.events is not None else None,
            version.first_at,
            version.last_at,
            readers,
        )


def _write_one(report: Catalogue) -> None:
    (kind,) = report.kinds
    readers = kind.consumers
    write_fields(
        (
            ("event", kind.type),
            ("says", kind.says),
            ("version", kind.version),
            ("recorded by", ", ".join(kind.recorded_by)),
            ("handled by", ", ".join(readers.handled_by) or None),
            ("passed over by", ", ".join(readers.ignored_by) or None),
            ("the audit", f"{readers.audit} it"),
            ("the story of an order", f"{readers.explain} it"),
        )
    )
    write_line("")
    write_table(
        (">version", ">stored", "first", "last", "what was different"),
        ((one.version, one.events, one.first_at, one.last_at, one.differs) for one in kind.versions),
    )
    if kind.fields:
        write_line("")
        write_table(
            ("field", "type", "unit or form"),
            (
                (field.name, f"{field.type} or null" if field.is_optional else field.type, field.unit)
                for field in kind.fields
            ),
        )
    _write_strange(report)


def _write_strange(report: Catalogue) -> None:
    for one in report.strange:
        what = f"in version {one.version}" if one.version else "that do not tell their version"
        write_line(
            f"Not known here: {one.events:,} of {one.type} {what}, the first at position "
            f"{one.first_position} of {one.application}. "
            "They are of a newer release, or damaged: see docs/changing-events.md"
        )


@click.command("harvest", cls=Command)
@click.option(
    "--into",
    "folder",
    required=True,
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="An empty folder, or a corpus to add to; made if it is not there.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def take_harvest(folder: Path, quiet: bool) -> None:
    """Collect a masked sample of every kind, version and shape of stored events, as a corpus for tests.

    No name, reference, id, text, amount or time of your shop is in it. Stopped, the same command goes on.
    """
    with opened() as orderwright, progress_bars(quiet=quiet) as bars:
        units = dict.fromkeys(orderwright.applications, "events")
        try:
            report = harvest(orderwright, folder, bars.stages(units))
        except NoCorpus as error:
            raise UnusableFile(str(error)) from error
        except OSError as error:
            raise UnwritableOutput(str(folder), error) from error
    write_view(report, _write_harvest)


def _write_harvest(report: Harvest) -> None:
    write_line(
        f"Read {report.events:,} events: {report.samples} samples in {report.stories} stories were added to "
        f"{report.folder}, which had {report.known}. Try them with: make test CORPUS={report.folder}"
    )
    for one in report.left_out:
        write_line(f"Left out: {one.type} at position {one.position} of {one.application}: {one.why}")
