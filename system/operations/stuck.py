"""What stands still: sagas, parked events, positions that do not move, followers that nobody runs."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from system.bootstrap import Orderwright
from system.definition import OrderFulfilment
from system.definition import orderwright as definition
from system.leases.owners import owners_in
from system.operations.lag import COUNTED_AT_MOST, Lag, lags
from system.operations.positions import DamagedLot, damaged_lots, parked_events
from system.projections.saga_log.figures import count_waiting, waiting_orders
from system.projections.saga_log.overdue import OverdueSaga, count_overdue, overdue_sagas
from system.runner.service import RunnerService
from system.settings.environment import ON_POSTGRES
from system.stores import persistence_of

SHOWN = 20
LOOKS_APART_SECONDS = 1.0
UNREAD_FOR = timedelta(seconds=30)


@dataclass(frozen=True)
class ParkedCount:
    """How many events a follower has parked, and how many it holds back behind them."""

    follower: str
    parked: int
    held_back: int


@dataclass(frozen=True)
class StandingPosition:
    """A follower that has events to handle in a leader's log and does not move: the first since then. `lag`
    says how many, counted up to `COUNTED_AT_MOST`."""

    follower: str
    leader: str
    position: int
    lag: int
    unread_since: datetime


@dataclass(frozen=True)
class StuckReport:
    """Everything that stands still. Of sagas the first `SHOWN` are named, and all counted.

    `overdue` sagas made no progress for longer than they are allowed where they stand; `waiting` are
    orders whose saga waits for a person; `unowned` are followers that no process runs; `damaged_lots`
    are parking lots that cannot be read in full.
    """

    overdue: tuple[OverdueSaga, ...]
    overdue_count: int
    waiting: tuple[str, ...]
    waiting_count: int
    parked: tuple[ParkedCount, ...]
    positions: tuple[StandingPosition, ...]
    unowned: tuple[str, ...]
    damaged_lots: tuple[DamagedLot, ...] = ()

    @property
    def is_stuck(self) -> bool:
        """Whether anything stands still."""
        return bool(
            self.overdue or self.waiting or self.parked or self.positions or self.unowned or self.damaged_lots
        )


class PositionWatch:
    """Remembers where followers stood that had something to handle. Safe to use from many threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[int, float]] = {}

    def look(self, where: Iterable[Lag]) -> list[Lag]:
        """Those that stood at the same position in an earlier look, a second ago or longer, and had
        something to handle then as now."""
        now = self._monotonic()
        with self._lock:
            before, self._seen = self._seen, {}
            standing = []
            for one in where:
                if not one.events_to_handle:
                    continue
                key = one.follower, one.leader
                position, since = before.get(key, (one.position, now))
                if position != one.position:
                    since = now
                self._seen[key] = one.position, since
                if now - since >= LOOKS_APART_SECONDS:
                    standing.append(one)
        return standing


def find_stuck(
    orderwright: Orderwright,
    owners: Mapping[str, str | None],
    watch: PositionWatch | None = None,
    pause: Callable[[float], object] = time.sleep,
    behind: Iterable[Lag] | None = None,
) -> StuckReport:
    """Look for what stands still; `behind` is how far the followers are, where somebody has looked already.
    Without a watch that has looked before, it takes two looks a second apart to tell that a position does
    not move; it takes them only where one is suspicious."""
    now = orderwright.clock()
    seen = tuple(behind) if behind is not None else lags(orderwright, COUNTED_AT_MOST)
    overdue = overdue_sagas(orderwright.saga_log, now, SHOWN)
    waiting = waiting_orders(orderwright.saga_log, SHOWN)
    return StuckReport(
        overdue=overdue,
        overdue_count=_all(overdue, lambda: count_overdue(orderwright.saga_log, now)),
        waiting=waiting,
        waiting_count=_all(waiting, lambda: count_waiting(orderwright.saga_log)),
        parked=parked_counts(orderwright),
        positions=(
            _unhandled(orderwright, watch.look(seen))
            if watch is not None
            else _looked_at_twice(orderwright, seen, pause)
        ),
        unowned=tuple(sorted(name for name, owner in owners.items() if owner is None)),
        damaged_lots=damaged_lots(orderwright),
    )


def owners_of(orderwright: Orderwright, service: RunnerService | None = None) -> Mapping[str, str | None]:
    """Who runs each follower; None when nobody does. Raises `LeasesUnavailable`.

    On PostgreSQL it is read like everything else, through the pool: a connection of its own could be
    one too many, and that of the leases may hang.
    """
    if persistence_of(OrderFulfilment.name, orderwright.settings)[0] in ON_POSTGRES:
        return owners_in(orderwright.fulfilments.recorder, definition.followers)
    if service is not None:
        return service.leases.owners()
    leases = orderwright.leases()
    try:
        return leases.owners()
    finally:
        leases.release()


def parked_counts(orderwright: Orderwright) -> tuple[ParkedCount, ...]:
    """The followers that have parked events, and how many."""
    counts = Counter((report.follower, report.is_first) for report in parked_events(orderwright))
    return tuple(
        ParkedCount(follower, counts[follower, True], counts[follower, False])
        for follower in sorted({follower for follower, _ in counts})
    )


def _all(shown: tuple[Any, ...], count: Callable[[], int]) -> int:
    return len(shown) if len(shown) < SHOWN else count()


def _looked_at_twice(
    orderwright: Orderwright, seen: Iterable[Lag], pause: Callable[[float], object]
) -> tuple[StandingPosition, ...]:
    if not _unhandled(orderwright, seen):
        return ()
    first = {(one.follower, one.leader): one.position for one in seen if one.events_to_handle}
    pause(LOOKS_APART_SECONDS)
    second = [
        one
        for one in lags(orderwright, COUNTED_AT_MOST)
        if first.get((one.follower, one.leader)) == one.position
    ]
    return _unhandled(orderwright, second)


def _unhandled(orderwright: Orderwright, where: Iterable[Lag]) -> tuple[StandingPosition, ...]:
    """Those whose first event to handle has been there for a while."""
    latest = orderwright.clock() - UNREAD_FOR
    return tuple(
        StandingPosition(one.follower, one.leader, one.position, one.events_to_handle, one.oldest_at)
        for one in where
        if one.oldest_at is not None and one.oldest_at <= latest
    )
