"""Progress bars on standard error: how much is done, how fast, and how long it still takes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
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
"""Told how much of the whole is done (in whatever it is measured), and how many orders that is, or what
else the bar counts."""


class _Rate(ProgressColumn):
    """How many orders, or whatever is counted, are done, and how many a second since the beginning."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn`."""
        counted, elapsed = int(task.fields["counted"]), task.finished_time or task.elapsed or 0.0
        rate = f", {counted / elapsed:,.0f}/s" if counted and elapsed > 0.5 else ""
        return Text(f"{counted:,} {task.fields['unit']}{rate}" if counted else "")


class Bars:
    """The bars of one command, one below the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def bar(self, description: str, total: int | None, unit: str = "orders") -> Iterator[Advance]:
        """A bar for one piece of work. It is full when the work is done."""
        task = self._progress.add_task(description, total=total, counted=0, unit=unit)

        def advance(completed: int, counted: int) -> None:
            self._progress.update(task, completed=completed, counted=counted)

        yield advance
        whole = self._progress.tasks[task].total or 1
        self._progress.update(task, total=whole, completed=whole)

    def describe(self, description: str, total: int) -> None:
        """Say something else before the latest bar, and how much its whole is by now."""
        self._progress.update(self._progress.tasks[-1].id, description=description, total=total)

    def stages(self, units: Mapping[str, str]) -> Callable[[str, int, int], None]:
        """What to tell of work in stages: which stage, how much of it is done, of how much. Each stage
        that begins gets a bar; `units` says what it counts."""
        tasks: dict[str, TaskID] = {}

        def look(stage: str, done: int, whole: int) -> None:
            if stage not in tasks:
                tasks[stage] = self._progress.add_task(stage, total=whole, counted=0, unit=units[stage])
            self._progress.update(tasks[stage], total=whole, completed=done, counted=done)

        return look

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
