"""Progress bars on standard error: how much is done, how fast, and how long it still takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from system.bootstrap import Orderwright
from system.operations.settling import settle
from system.runner.service import RunnerService

from .commands import wants_json
from .output import console

Advance = Callable[[int, int], None]
"""Told how much of the whole is done (in whatever it is measured), and how many orders that is."""


class _Rate(ProgressColumn):
    """Orders done, and orders a second since the beginning."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn`."""
        orders, elapsed = int(task.fields["orders"]), task.finished_time or task.elapsed or 0.0
        rate = f", {orders / elapsed:,.0f}/s" if orders and elapsed > 0.5 else ""
        return Text(f"{orders:,} orders{rate}" if orders else "")


class Bars:
    """The bars of one command, one below the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def bar(self, description: str, total: int | None) -> Iterator[Advance]:
        """A bar for one piece of work. It is full when the work is done."""
        task = self._progress.add_task(description, total=total, orders=0)

        def advance(completed: int, orders: int) -> None:
            self._progress.update(task, completed=completed, orders=orders)

        yield advance
        whole = self._progress.tasks[task].total or 1
        self._progress.update(task, total=whole, completed=whole)

    def settle(self, orderwright: Orderwright, service: RunnerService, orders: int = 0) -> None:
        """Wait until the store is at rest, with a bar of the orders that have come to an end.

        `orders` is how many there are at least: the dashboard does not know all of them at first.
        """
        before = _ended(orderwright)[0]
        with self.bar("Fulfilling", None) as advance:

            def look() -> None:
                ended, known = _ended(orderwright)
                self._progress.update(self._progress.tasks[-1].id, total=max(known, orders) - before)
                advance(ended - before, ended - before)

            settle(orderwright, service, progress=look)
            look()


def _ended(orderwright: Orderwright) -> tuple[int, int]:
    """How many orders of the dashboard have come to an end, and how many there are."""
    counts = orderwright.dashboard.count_by_status()
    known = sum(counts.values())
    return known - counts.get("CREATED", 0), known


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Bars]:
    """Bars on standard error, if that is a terminal and nobody wants silence."""
    stderr = console(stderr=True)
    shown = stderr.is_terminal and not quiet and not wants_json()
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=not shown, expand=True) as progress:
        yield Bars(progress)
