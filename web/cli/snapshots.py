"""Look at the snapshots, take them, and drop them."""

from collections.abc import Iterable
from uuid import UUID

import click

from system.definition import orderwright as definition
from system.operations.snapshots import (
    DroppedReport,
    SnapshotFigures,
    SnapshotReport,
    TakenReport,
    count_snapshots,
    drop_snapshots,
    snapshot_report,
    take_snapshot,
    take_snapshots,
)

from .commands import Group, ask, yes_option
from .errors import REFUSED
from .output import write_fields, write_line, write_table, write_view
from .progress import progress_bars
from .store import opened

_SHOWN_REPLAYS = 10


@click.group("snapshots", cls=Group)
def snapshots() -> None:
    """Look at the stored states of aggregates with long streams, take them, or drop them."""


@snapshots.command("status")
def status() -> None:
    """Count the snapshots: how large, how old, how often of use, and which aggregates take long to replay."""
    with opened() as orderwright:
        report = snapshot_report(orderwright)
    write_view(report, _write_report)


@snapshots.command("take")
@click.argument("stream_id", metavar="[STREAM]", type=click.UUID, required=False)
@click.option("--all", "every", is_flag=True, help="Of every stream that is long enough for one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def take(context: click.Context, stream_id: UUID | None, every: bool, quiet: bool) -> None:
    """Take a snapshot of STREAM now, or with --all of every stream that has none as new.

    Running processes take them by themselves; this is for the time after an upgrade or a restore. Stopped at
    any moment, --all is resumed by the same command. Exit code 1 if one could not be taken.
    """
    if every == (stream_id is not None):
        raise click.UsageError("name one stream, or give --all")
    with opened() as orderwright:
        if stream_id is not None:
            report = take_snapshot(orderwright, stream_id)
        else:
            with progress_bars(quiet=quiet) as bars:
                units = dict.fromkeys(definition.nodes, "events")
                report = take_snapshots(orderwright, bars.stages(units))
    write_view(report, _write_taken)
    context.exit(REFUSED if report.failed else 0)


@snapshots.command("drop")
@click.argument("stream_id", metavar="[STREAM]", type=click.UUID, required=False)
@click.option("--application", type=click.Choice(sorted(definition.nodes)), help="Those of this application.")
@click.option("--all", "every", is_flag=True, help="All of them.")
@yes_option
def drop(stream_id: UUID | None, application: str | None, every: bool, yes: bool) -> None:
    """Drop the snapshot of STREAM, those of an application, or all of them.

    Nothing is lost by it: the streams are read from their first event, and running processes take new ones.
    """
    if (stream_id is not None) + (application is not None) + every != 1:
        raise click.UsageError("name one stream, or give --application or --all")
    with opened() as orderwright:
        count = count_snapshots(orderwright, application or "", str(stream_id or ""))
        if count:
            ask(f"Drop {count} snapshots?", yes=yes)
        report = drop_snapshots(orderwright, application=application or "", stream_id=stream_id)
    write_view(report, _write_dropped)


def _write_report(report: SnapshotReport) -> None:
    if report.fault is not None:
        write_line(f"The snapshots cannot be read: {report.fault}")
        write_line("")
    write_fields(_fields(report))
    known = [kind for kind in report.kinds if kind.count or _was_counted(kind.figures)]
    if known:
        write_line("")
        write_table(
            ("aggregate", ">every", ">snapshots", ">bytes", ">hits", ">misses", ">discarded", ">taken"),
            (
                (
                    *(kind.aggregate, kind.every or "never", kind.count, f"{kind.bytes:,}"),
                    *(kind.figures.hits, kind.figures.misses, sum(kind.figures.discarded.values())),
                    kind.figures.taken,
                )
                for kind in known
            ),
        )
    if report.long_replays:
        write_line("")
        write_line("These took longer than 100 ms to replay:")
        write_table(
            ("aggregate", "stream", ">version", ">events replayed", ">ms"),
            (
                (one.aggregate, one.stream_id, one.version, one.events, one.milliseconds)
                for one in report.long_replays[:_SHOWN_REPLAYS]
            ),
        )


def _was_counted(figures: SnapshotFigures) -> bool:
    return bool(figures.hits or figures.misses or figures.taken or any(figures.discarded.values()))


def _fields(report: SnapshotReport) -> Iterable[tuple[str, object]]:
    figures, age = report.figures, report.oldest_age_seconds
    discarded = ", ".join(
        f"{count} {why.replace('_', ' ')}" for why, count in figures.discarded.items() if count
    )
    yield "snapshots", f"{report.count:,}, {report.bytes:,} bytes"
    yield "oldest", None if age is None else f"taken {age:,.0f} s ago"
    yield "hits", figures.hits
    yield "misses", figures.misses
    yield "discarded", discarded or 0
    yield "taken", figures.taken
    yield "could not be taken", figures.failed
    yield "waiting to be taken", f"{report.queue_length} in {len(report.processes)} processes"
    yield "not taken, as too many waited", figures.dropped


def _write_taken(report: TakenReport) -> None:
    for stream_id, why in report.failed.items():
        write_line(f"None can be taken of stream {stream_id}: {why}")
    unchanged = f" Of {report.unchanged} streams there is one as new." if report.unchanged else ""
    write_line(f"{report.taken} snapshots were taken.{unchanged}")


def _write_dropped(report: DroppedReport) -> None:
    write_line(f"{report.dropped} snapshots were dropped." if report.dropped else "There is none to drop.")
