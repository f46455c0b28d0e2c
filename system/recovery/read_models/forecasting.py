"""How long a rebuild will take and how much room it needs, from slices of the logs that are tried.

A slice is read, decoded, handled and written, as a rebuild does it, into tables that nobody else sees and
that are gone at once. How much slices differ gives a range, and so does what earlier builds in this store
took against what was expected of them when a tenth was done.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import cast

from eventsourcing.persistence import PersistenceError

from system.bootstrap import Orderwright
from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.persistence.agreement import KeepsAgreement
from system.persistence.versions import Version
from system.settings.environment import ON_POSTGRES
from system.stores import persistence_of

SLICES = 12
EVENTS_OF_A_SLICE = 2000
FIRST_BUILD = 0.7, 2.0
"""So much less, and more, than its slices say a build may take while there was none in this store: a large
table costs more to write than an empty one, and how much more depends on the disk."""


@dataclass(frozen=True)
class Forecast:
    """What a rebuild is expected to take. `slices` of the logs were tried, and `builds` earlier ones of this
    store counted in. Seconds are None where no slice could be tried; `bytes` where the database does not
    tell; `free_bytes` where the disk is another machine's."""

    events: int
    slices: int
    builds: int
    from_seconds: float | None
    to_seconds: float | None
    rows: Mapping[str, int]
    bytes: int | None
    free_bytes: int | None

    @property
    def has_room(self) -> bool:
        """Whether there is room for it, as far as that is known."""
        return self.bytes is None or self.free_bytes is None or self.bytes < self.free_bytes


def forecast(
    orderwright: Orderwright,
    projection: Projection,
    leaders: Mapping[str, Follower],
    heads: Mapping[str, int],
) -> Forecast:
    """Try slices, and ask how large the version in use is. Nothing is changed."""
    costs = list(_tried(projection, leaders, heads))
    ratios = _ratios(orderwright)
    events = sum(heads.values())
    low, high = _range(costs, ratios)
    store, used = cast(KeepsAgreement, projection.recorder), projection.versions.used
    tables = projection.versions.tables_of(used)
    sizes = [store.bytes_of(table) for table in tables]
    return Forecast(
        events=events,
        slices=len(costs),
        builds=len(ratios),
        from_seconds=None if low is None else round(low * events, 3),
        to_seconds=None if high is None else round(high * events, 3),
        rows={
            plain.name: int(store.rows(f"SELECT count(*) AS n FROM @{table.name}", {})[0]["n"])
            for plain, table in zip(projection.tables, tables, strict=True)
        },
        bytes=None if None in sizes else sum(size for size in sizes if size is not None),
        free_bytes=_free_bytes(orderwright, projection),
    )


def _tried(
    projection: Projection, leaders: Mapping[str, Follower], heads: Mapping[str, int]
) -> Iterator[float]:
    """Seconds for each event, of slices that lie at the same distance from each other in all logs."""
    whole = sum(heads.values())
    store = cast(KeepsAgreement, projection.recorder)
    for number in range(SLICES):
        place = whole * number // SLICES
        for name, head in heads.items():
            if place < head:
                cost = _cost(projection, store, leaders[name], place)
                if cost is not None:
                    yield cost
                break
            place -= head


def _cost(projection: Projection, store: KeepsAgreement, leader: Follower, after: int) -> float | None:
    began = time.perf_counter()
    rows = leader.recorder.select_log(after, EVENTS_OF_A_SLICE)
    if not rows:
        return None
    work = UnitOfWork()
    for row in rows:
        entry = Entry(row, leader.mapper)
        if projection.concerns(entry.topic):
            try:
                projection.handle(entry.event, work)
            except Exception:  # it is named elsewhere
                continue
    seconds = time.perf_counter() - began
    try:
        seconds += store.try_changes(projection.tables, work.rows)
    except PersistenceError:
        return None
    return seconds / len(rows)


def _ratios(orderwright: Orderwright) -> list[float]:
    """What earlier builds took, as a part of what was expected of them by their rate."""
    known: list[Version] = []
    for projection in orderwright.read_models.values():
        known += projection.versions.registry.all()[0]
    return [one.taken_ms / one.by_rate_ms for one in known if one.ready_at is not None and one.by_rate_ms]


def _range(costs: Sequence[float], ratios: Sequence[float]) -> tuple[float | None, float | None]:
    """The least and the most that an event is expected to cost, on an average."""
    if not costs:
        return None, None
    error = 2 * stdev(costs) / len(costs) ** 0.5 if len(costs) > 1 else fmean(costs) / 2
    low, high = (min(ratios), max(ratios)) if ratios else FIRST_BUILD
    return max(fmean(costs) - error, min(costs)) * low, (fmean(costs) + error) * high


def _free_bytes(orderwright: Orderwright, projection: Projection) -> int | None:
    """Room on the disk of the files; None where a database server has it, or there are no files."""
    module, _ = persistence_of(projection.name, orderwright.settings)
    if module in ON_POSTGRES or orderwright.settings.is_in_memory:
        return None
    try:
        disk = os.statvfs(orderwright.settings.data)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize
