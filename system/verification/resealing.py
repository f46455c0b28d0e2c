"""Telling the seals that a log was changed rightly: a row was replaced with good reason, or the log is
another one since it was realigned.

The seals from there on are given up, and the next verification seals what it finds, once nothing is wrong
with it. Who did it, why, and how the log differed from what was given up is kept beside the seals. A row that
was restored from a backup is the one that was sealed, and needs none of this.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from application.base import CommandContext
from system.bootstrap import Orderwright
from system.persistence.side_store import SideStore

from .kept import RESEALINGS, Resealing, seals_of
from .seals import RANGE, Seals, compare

NAMED = 20

Look = Callable[[int, int], object]
"""Told how many events are compared, of how many."""


def _nobody(*_: object) -> None:
    """Told of progress when nobody wants to know."""


@dataclass(frozen=True)
class ResealReport:
    """Which seals are given up, or were: those of the range with the position and of all after it, from
    `first` to `last`, with so many events; none when `events` is 0. `chain` is the value of the last of
    them. `differing` counts the positions at which the log differs from them, of which the first are in
    `positions`."""

    is_done: bool
    log: str
    first: int
    last: int
    events: int
    chain: str
    differing: int
    positions: tuple[int, ...]


def preview_resealing(
    orderwright: Orderwright, log: str, position: int, look: Look = _nobody
) -> ResealReport:
    """What `reseal` would do. Changes nothing. Raises the library's `PersistenceError`."""
    with seals_of(orderwright) as store:
        return _examine(orderwright, store, log, position, look)


def reseal(
    orderwright: Orderwright,
    log: str,
    position: int,
    context: CommandContext,
    reason: str,
    look: Look = _nobody,
) -> ResealReport:
    """Give up the seals of a log from the range with a position on, and keep who did it and why. Raises the
    library's `PersistenceError`."""
    with seals_of(orderwright) as store:
        report = _examine(orderwright, store, log, position, look)
        if report.events:
            at = context.time.isoformat(timespec="microseconds")
            done = Resealing(at, log, context.user or "", reason, _in_words(report))
            columns = list(RESEALINGS.columns)
            values = f"({', '.join(columns)}) VALUES (:{', :'.join(columns)})"
            names = {"log": log, "first": report.first}
            store.transact(
                [
                    ("DELETE FROM @seal_ranges WHERE log = :log AND first >= :first", names),
                    (f"INSERT INTO @{RESEALINGS.name} {values}", vars(done)),
                ]
            )
    return replace(report, is_done=True)


def _examine(orderwright: Orderwright, store: SideStore, log: str, position: int, look: Look) -> ResealReport:
    rows, seals = orderwright.applications[log].recorder.inspection(), Seals(store, log)
    report = ResealReport(False, log, 0, 0, 0, "", 0, ())
    for seal in seals:
        if seal.last < position:
            continue
        found = rows.page(seal.first - 1, seal.last, seal.events + RANGE)
        difference = compare(seal, seals.digests(seal), found, seal.last)
        differing = sorted({*difference.altered, *difference.missing, *difference.added})
        report = replace(
            report,
            first=report.first or seal.first,
            last=seal.last,
            events=report.events + seal.events,
            chain=seal.chain,
            differing=report.differing + len(differing),
            positions=(*report.positions, *differing)[:NAMED],
        )
        look(report.events, report.events)
    return report


def _in_words(done: ResealReport) -> str:
    named = ", ".join(map(str, done.positions)) + (", ..." if done.differing > len(done.positions) else "")
    differed = f"the log differed at {done.differing} positions: {named}" if done.differing else "all agreed"
    return f"seals of positions {done.first} to {done.last} were given up, the last {done.chain}; {differed}"
