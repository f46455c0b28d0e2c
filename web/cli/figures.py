"""The figures of the sagas: how many succeed, how many fail and why, and how long they take."""

from collections.abc import Iterable
from datetime import datetime

import click

from system.operations.figures import SagaFigures, saga_figures

from .commands import Command
from .output import write_fields, write_line, write_table, write_view
from .store import opened
from .values import Time


@click.command("figures", cls=Command)
@click.option("--since", type=Time(), help="Only of sagas started at this time or later.")
def figures(since: datetime | None) -> None:
    """Count the sagas: how many succeed, how many fail and why, and how long they take."""
    with opened() as orderwright:
        report = saga_figures(orderwright, since)
    write_view(report, _write)


def _write(report: SagaFigures) -> None:
    write_fields(_fields(report))
    write_line("")
    write_table(
        (
            *("step", ">attempts", ">setbacks", ">completed", ">failed"),
            *(">to undo", ">setbacks", ">undone", ">given up"),
        ),
        (tuple(vars(step).values()) for step in report.steps),
    )
    if report.reasons:
        write_line("")
        write_table((">sagas", "unwound because"), ((one.count, one.reason) for one in report.reasons))
    if report.other_reasons:
        write_line(f"And {report.other_reasons} for other reasons.")


def _fields(report: SagaFigures) -> Iterable[tuple[str, object]]:
    times, oldest = report.time_to_settle, report.oldest_open
    yield "started", report.started
    yield "completed", report.completed
    yield "failed", report.failed
    yield "failure rate", _per_cent(report.failure_rate)
    yield "compensated", report.compensated
    yield "running", report.running
    yield "waiting for a person", report.waiting
    yield "compensations", f"{report.compensations.successes} of {report.compensations.attempts}"
    yield "success rate", _per_cent(report.compensations.success_rate)
    yield "time to settle, p50", _seconds(times.all.p50_seconds)
    yield "time to settle, p99", _seconds(times.all.p99_seconds)
    yield "of the completed, p99", _seconds(times.completed.p99_seconds)
    yield "of the failed, p99", _seconds(times.failed.p99_seconds)
    if oldest is not None:
        yield "oldest open", f"{oldest.order_id}, {oldest.status} for {_seconds(oldest.age_seconds)}"


def _per_cent(rate: float | None) -> str | None:
    return None if rate is None else f"{rate:.2%}"


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:,.3f} s"
