"""Builds a new version of a read model beside the one that is served, while everything goes on.

What is expected is told when a tenth of the events was read: by the rate until then, corrected by how
earlier builds of this read model, in this store, came out against theirs. Machines and stores differ, and
the last pages of a large table take longer than the first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from application.base import CommandContext
from system.bootstrap import Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.followers.builder import Builder, VersionGone
from system.followers.projection import Projection
from system.operations.read_models import FailureReport, failures_of, find_read_model
from system.persistence.versions import State, Version

ESTIMATED_AT = 0.1
"""The share of the events after which it is told how long it will take."""

REMEMBERED = 5
"""So many of the latest builds correct the estimate."""


@dataclass(frozen=True)
class BuildProgress:
    """How far a build is. `events_read` of `events` are read, counted by positions, with `rate` a second;
    `left_seconds` is what it is expected to take yet, None before a tenth was read."""

    version: int
    events_read: int
    events: int
    rate: float
    left_seconds: float | None


@dataclass(frozen=True)
class BuildReport:
    """What became of a build. `was_begun_before` says that it went on with an unfinished one. One that
    `is_ready` may be switched to; another was stopped, and is gone on with by the same command."""

    name: str
    version: int
    is_ready: bool
    was_begun_before: bool
    events_read: int
    events: int
    taken_seconds: float
    estimated_seconds: float | None
    rate: float
    failures: int
    failed: tuple[FailureReport, ...]


def rebuild(
    orderwright: Orderwright,
    name: str,
    context: CommandContext,
    progress: Callable[[BuildProgress], object] = lambda _: None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> BuildReport:
    """Build the next version of a read model, or go on with the one that is unfinished, until it is level
    with the logs or not wanted any more; that is asked after each page, and what was built is kept.

    Raises `UnknownReadModel`, `VersionGone` when somebody drops the version meanwhile, `LogDisagrees` and
    faults of the store. Then, and after a `kill -9`, the same command goes on where it stopped.
    """
    projection = find_read_model(orderwright, name)
    collect_garbage_less_often()
    unfinished = _unfinished(projection)
    version = unfinished or projection.versions.begin(context.time.isoformat(), context.user or "")
    build = _Build(projection, Builder(projection, orderwright.leaders_of(projection.name), version.number))
    is_level = build.run(progress, is_wanted)
    if is_level:
        build.complete(orderwright.clock().isoformat())
    return build.report(was_begun_before=unfinished is not None, is_ready=is_level)


class _Build:
    """One run of a build."""

    def __init__(self, projection: Projection, builder: Builder) -> None:
        self._projection = projection
        self._builder = builder
        self._versions = projection.versions
        known, _ = self._versions.registry.all()
        self._correction = correction(known)

    def run(self, progress: Callable[[BuildProgress], object], is_wanted: Callable[[], bool]) -> bool:
        """Read until it is level; False when it was not wanted any more before that."""
        for _ in self._builder.pages_until_level():
            self._estimate()
            progress(self._progress())
            if not is_wanted():
                return False
        return True

    def complete(self, at: str) -> None:
        """Make the indexes, and note that the version is ready."""
        number = self._builder.version
        self._versions.make_indexes(number)
        self._versions.complete(number, at, self._builder.taken_seconds, self._builder.events_read)

    def report(self, *, was_begun_before: bool, is_ready: bool) -> BuildReport:
        """What became of it. Raises `VersionGone`."""
        builder, noted = self._builder, self._noted()
        if noted is None or noted.state is State.DROPPED:
            raise VersionGone(f"version {builder.version} of {self._projection.name} was dropped")
        failures = self._versions.registry.count_failures().get(builder.version, 0)
        return BuildReport(
            self._projection.name,
            builder.version,
            is_ready,
            was_begun_before,
            builder.events_read,
            builder.events,
            round(builder.taken_seconds, 3),
            None if noted.estimated_ms is None else noted.estimated_ms / 1000,
            round(builder.events_read / max(builder.taken_seconds, 0.001), 1),
            failures,
            failures_of(self._projection, builder.version) if failures else (),
        )

    def _noted(self) -> Version | None:
        return self._versions.registry.get(self._builder.version)

    def _estimate(self) -> None:
        """Note what is expected, once."""
        builder = self._builder
        if self._is_estimated or builder.share < ESTIMATED_AT:
            return
        self._is_estimated = True
        noted = self._noted()
        if noted is not None and noted.estimated_ms is None:
            by_rate = 1000 * builder.taken_seconds / builder.share
            estimated = round(by_rate * self._correction)
            self._versions.registry.estimate(builder.version, round(by_rate), estimated)

    _is_estimated = False

    def _progress(self) -> BuildProgress:
        builder, taken = self._builder, self._builder.taken_seconds
        left = None
        if builder.share >= ESTIMATED_AT:
            left = max(taken / builder.share * self._correction - taken, 0.0)
        rate = builder.events_read / max(taken, 0.001)
        return BuildProgress(builder.version, builder.events_read, builder.events, rate, left)


def correction(known: Sequence[Version]) -> float:
    """What to multiply an estimate by: how much longer the latest builds took than their rate had said. That
    the rate is right counts as one more, since the first build may have met a busy hour."""
    ratios = [one.taken_ms / one.by_rate_ms for one in known if one.ready_at is not None and one.by_rate_ms]
    return median([1.0, *ratios[-REMEMBERED:]])


def _unfinished(projection: Projection) -> Version | None:
    """The version of this code's making that was begun and is not ready."""
    known, _ = projection.versions.registry.all()
    ours = [one for one in known if one.state is State.BUILDING and projection.versions.fits(one)]
    return ours[-1] if ours else None
