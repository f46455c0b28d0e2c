"""Measure how fast it is here, side by side with the library and with PostgreSQL itself."""

import io
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from system.bench.document import document, number
from system.bench.measurements import LIMIT, OURS, STOCK
from system.bench.private_postgres import PostgresUnavailableError
from system.bench.run import MEASUREMENTS, QUICK, TAKES_ONE_ROUND, BenchReport, Plan, run
from system.bootstrap import utc_now

from .commands import Command, wants_json
from .errors import UnusableFile
from .files import Place
from .output import console, write_json, write_line, write_table

DOCUMENT = Path("docs/benchmarks.md")


@click.command(cls=Command)
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)), metavar="[NAME]...")
@click.option("--runs", default=Plan.runs, show_default=True, type=click.IntRange(1, 50), help="Rounds.")
@click.option(
    "--orders", default=Plan.orders, show_default=True, type=click.IntRange(50), help="Orders to be drained."
)
@click.option(
    "--events",
    default=Plan.events,
    show_default=True,
    type=click.IntRange(1000),
    help="Events of the store with years behind it.",
)
@click.option("--quick", is_flag=True, help="A small run, to see whether it works; its figures mean little.")
@click.option("--no-write", is_flag=True, help=f"Leave {DOCUMENT} as it is.")
def bench(names: tuple[str, ...], runs: int, orders: int, events: int, quick: bool, no_write: bool) -> None:
    """Measure some things, or everything, on a PostgreSQL that is started for it.

    NAME is append, drain, http, rebuild, load, growth or years. A run of everything takes half an hour and,
    in a folder that has docs/, writes docs/benchmarks.md.
    """
    wanted = [name for name in MEASUREMENTS if name in names] or list(MEASUREMENTS)
    plan = QUICK if quick else Plan(runs=runs, orders=orders, events=events)
    place = Place(DOCUMENT, "the document", b"# Benchmarks")
    is_written = not (names or quick or no_write) and DOCUMENT.parent.is_dir()
    if is_written:
        place.check()
    try:
        report = _measured(wanted, plan)
    except PostgresUnavailableError as error:
        raise UnusableFile(str(error)) from None
    if is_written:
        place.put(io.BytesIO(document(report).encode()))
    if wants_json():
        write_json({figure.name: figure.to_json() for figure in report.figures})
        return
    for name, what in report.conditions.items():
        write_line(f"{name}: {what}")
    write_line("")
    write_table(
        ("figure", "unit", ">ours", ">least", ">most", ">stock", ">limit", ">times stock", ">times limit"),
        (
            (
                figure.name,
                figure.unit,
                number(figure.median(OURS)),
                *map(number, figure.spread(OURS)),
                *(number(figure.median(contender)) for contender in (STOCK, LIMIT)),
                *(number(figure.ratio(contender)) for contender in (STOCK, LIMIT)),
            )
            for figure in report.figures
        ),
    )


def _measured(names: list[str], plan: Plan) -> BenchReport:
    stderr = console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    is_hidden = not stderr.is_terminal or wants_json()
    with Progress(*columns, console=stderr, disable=is_hidden) as progress:
        task = progress.add_task(
            "Starting", total=sum(1 if n in TAKES_ONE_ROUND else plan.runs for n in names)
        )
        done = 0

        def tell(name: str, round_: int) -> None:
            nonlocal done
            progress.update(task, completed=done, description=f"{name}, round {round_ + 1}")
            done += 1

        return run(names, plan, utc_now, tell)
