"""Has another version of a read model served: the new one, or the old one again.

Everything that speaks against it is told at once. A version is brought level before, so that nobody
misses what he has just seen; who follows and who reads notice within a second, and go on from where
that version is.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from application.base import CommandContext
from domain.shared.errors import Contradiction
from system.bootstrap import Orderwright
from system.followers.builder import Builder
from system.followers.projection import Projection
from system.operations.read_models import (
    find_read_model,
    find_version,
    progress_of,
)
from system.persistence.tables import FIRST_VERSION
from system.persistence.versions import State, Version

from .comparing import Progress
from .parity import compare, keep_accepted, last_comparison, newest_version

FAR_BEHIND = 50_000
"""So many events a version may be behind: they are read in a few seconds before the switch."""


@dataclass(frozen=True)
class Hindrance:
    """What speaks against a switch: a word for programs, and what it is and what to do about it."""

    code: str
    detail: str


class NotSwitched(Contradiction):
    """The version cannot be served, and the one before it still is."""

    code = "not_switched"

    def __init__(self, name: str, version: int, hindrances: Sequence[Hindrance]) -> None:
        found = "; ".join(one.detail for one in hindrances)
        super().__init__(f"version {version} of {name} is not served: {found}")
        self.hindrances = tuple(hindrances)


FindHindrances = Callable[[Orderwright, Projection, Version], Iterable[Hindrance]]


def not_ready(_: Orderwright, projection: Projection, version: Version) -> Iterable[Hindrance]:
    """It is not built to the end."""
    if version.state is not State.READY:
        command = f"orderwright projections rebuild {projection.name}"
        yield Hindrance("not_ready", f"it is not built to the end; `{command}` goes on with it")


def has_failures(_: Orderwright, projection: Projection, version: Version) -> Iterable[Hindrance]:
    """Events could not be taken in."""
    count = projection.versions.registry.count_failures().get(version.number, 0)
    if count:
        yield Hindrance(
            "has_failures",
            f"it could not take in {count} events, see `orderwright projections status {projection.name}`; "
            "when what is wrong is mended, drop it and build it again",
        )


def is_behind(orderwright: Orderwright, projection: Projection, version: Version) -> Iterable[Hindrance]:
    """It lacks more than can be made up for in a moment, or what this release cannot give it."""
    read, there = progress_of(orderwright, projection, version.number)
    behind = there - read
    if version.state is State.READY and not projection.versions.fits(version) and behind:
        yield Hindrance(
            "is_behind",
            f"it was made by another release and lacks {behind} events; a runner of that release reads them",
        )
    elif version.state is State.READY and behind > FAR_BEHIND:
        yield Hindrance(
            "is_behind", f"it lacks {behind} events; a runner reads them, see `orderwright runner`"
        )


HINDRANCES: tuple[FindHindrances, ...] = (not_ready, has_failures, is_behind)
"""What is looked for before a version is served."""


@dataclass(frozen=True)
class SwitchReport:
    """Which version is served now and which was before, and which differences of the two were accepted.
    `replayed` says that it was served already."""

    name: str
    version: int
    before: int
    reason: str
    accepted: tuple[str, ...]
    replayed: bool


def switch(
    orderwright: Orderwright,
    name: str,
    context: CommandContext,
    reason: str,
    number: int | None = None,
    accept: Collection[str] = (),
    progress: Progress = lambda *_: None,
) -> SwitchReport:
    """Have a version served: that of a number, else the newest one that this release has made.

    One that was never served is compared with the one that is, unless that was done since the two have
    changed otherwise than by events: every difference has to be among those that are accepted.

    Raises `UnknownReadModel`, `UnknownVersion`, `NotSwitched`, `UnexplainedDifferences`, `StandsStill`,
    `IntegrityError` when somebody else has switched at the same moment, and faults of the store.
    """
    projection = find_read_model(orderwright, name)
    _, before = projection.versions.registry.all()
    version = find_version(projection, newest_version(projection) if number is None else number)
    if version.number == before:
        return SwitchReport(projection.name, before, before, reason, (), replayed=True)
    found = [one for find in HINDRANCES for one in find(orderwright, projection, version)]
    if found:
        raise NotSwitched(projection.name, version.number, found)
    if projection.versions.fits(version):
        builder = Builder(projection, orderwright.leaders_of(projection.name), version.number)
        for _ in builder.pages_until_level():
            pass
    if not was_served(projection, version.number):
        differences = last_comparison(projection, version.number)
        if differences is None:
            differences = compare(orderwright, projection, version.number, progress)
        keep_accepted(projection, differences, accept, context, reason)
    projection.versions.switch(version.number, context.time.isoformat(), context.user or "", reason)
    return SwitchReport(projection.name, version.number, before, reason, tuple(accept), replayed=False)


def was_served(projection: Projection, number: int) -> bool:
    """Whether a version was served before, so that going back to it asks nobody for anything new."""
    switches = projection.versions.registry.latest_switches()
    return number in (FIRST_VERSION, *(switch.version for switch in switches))
