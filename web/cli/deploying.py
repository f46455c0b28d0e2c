"""Check whether the code at hand decides as what is stored was decided, before it is put to work."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import click

from system.bootstrap import open_to_read
from system.deploying.check import DEFAULT_SAMPLE, DeployStage, deploy_check
from system.deploying.report import Decided, DeployReport, Difference

from .commands import Command
from .errors import REFUSED
from .output import write_line, write_table, write_view
from .progress import progress_bars
from .store import settings_now

_UNITS: Mapping[str, str] = {DeployStage.FINDING: "events", DeployStage.REPLAYING: "sagas"}
_SHOWN = 20


@click.command("deploy-check", cls=Command)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=DEFAULT_SAMPLE,
    show_default=True,
    help="How many ended sagas to replay, and one of every way that sagas went; 0 for open ones alone.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def check_deployment(context: click.Context, sample: int, quiet: bool) -> None:
    """Replay sagas of the store against this release: would it decide as was decided?

    Every open saga, and a sample of the ended ones. Run it with the release that is to be deployed on the
    store as it is, beside the running service. It writes nothing. Exit code 1 when a saga would decide
    otherwise.
    """
    orderwright = open_to_read(settings_now())
    try:
        with progress_bars(quiet=quiet) as bars:
            report = deploy_check(orderwright, sample, bars.stages(_UNITS))
    finally:
        orderwright.close()
    write_view(report, _write)
    context.exit(0 if report.is_same else REFUSED)


def _write(report: DeployReport) -> None:
    for one in report.differences[:_SHOWN]:
        _write_difference(one)
    unnamed = report.differences_found - _SHOWN
    if unnamed > 0:
        write_line(f"And {_counted(unnamed, 'saga')} more: --json names the first 1,000.")
    for unknown in report.not_replayed:
        named = ", ".join(unknown.orders)
        write_line(
            f"Not replayed: {_counted(unknown.decisions, 'decision')}, because {unknown.why}. Orders: {named}"
        )
    write_line(
        f"Replayed {_counted(report.decisions, 'decision')} in {report.seconds:,.1f} seconds: of "
        f"{_counted(report.open, 'open saga')} all, of {report.ended:,} ended ones {report.sampled:,}."
    )
    if report.is_same:
        write_line("This release decides as was decided.")
    else:
        write_line(f"{_counted(report.differences_found, 'saga')} would decide otherwise.")


def _write_difference(one: Difference) -> None:
    where = f"{one.application} {one.position}, version {one.version}"
    write_line(f"Order {one.order_id} ({where}), because of {one.because}:")
    recorded, present = _in_words(one.recorded, one.present), _in_words(one.present, one.recorded)
    write_table(("", "decision"), [("recorded", recorded), ("this release", one.error or present)])
    write_line("")


def _in_words(decided: Sequence[Decided], other: Sequence[Decided]) -> str:
    """The events, each with those of its facts that the other decision says otherwise."""
    told = [
        f"{one.type}{_facts(one, beside)}" for one, beside in zip_longest(decided, other) if one is not None
    ]
    return ", ".join(told) or "nothing"


def _facts(one: Decided, other: Decided | None) -> str:
    if other is None or other.type != one.type:
        return ""
    told = [f"{name} {value}" for name, value in one.facts.items() if other.facts.get(name) != value]
    return f" ({', '.join(told)})" if told else ""


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
