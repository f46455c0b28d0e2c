"""The gate before a version of a read model is served: what differs from the one that is served now has to
be accepted by somebody, group by group."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, cast

from application.base import CommandContext
from application.errors import Refused
from application.views import to_json
from system.bootstrap import Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.followers.builder import Builder
from system.followers.projection import Projection
from system.followers.salvage import lot_of
from system.operations.read_models import UnknownVersion, find_read_model, find_version
from system.persistence.agreement import KeepsAgreement
from system.persistence.version_notes import Acceptance, KeptComparison, VersionNotes
from system.persistence.versions import State, key_at

from .comparing import Comparing, Comparison, KeepUp, Progress
from .differences import Example, Group


@dataclass(frozen=True)
class ComparisonReport:
    """How a version compared with the one in use the last time that somebody wanted to know: None when nobody
    did, or when that is out of date. `accepted` are the differences that somebody accepted when it was
    switched to."""

    projection: str
    version: int
    comparison: Comparison | None
    accepted: tuple[Acceptance, ...]


class NotComparable(Refused):
    """A version cannot be compared: it is the one in use itself, or is not built to the end."""

    code = "not_comparable"


class UnexplainedDifferences(Refused):
    """A version differs from the one that is served, and nobody has accepted that."""

    code = "unexplained_differences"


def compare(
    orderwright: Orderwright, projection: Projection, version: int, progress: Progress = lambda *_: None
) -> Comparison:
    """Compare a version with the one that is in use, and keep the result with the version. Both have to be
    kept up to date; where no runner does it, it is done here.

    Raises `UnknownVersion`, `NotComparable` and `StandsStill`.
    """
    noted = find_version(projection, version)
    if version == projection.versions.ask():
        raise NotComparable(f"version {version} of {projection.name} is the one in use; name another one")
    if noted.state is not State.READY:
        command = f"orderwright projections rebuild {projection.name}"
        raise NotComparable(f"version {version} is not built to the end; `{command}` goes on with it")
    collect_garbage_less_often()
    leaders = {leader.name: leader for leader in orderwright.leaders_of(projection.name)}
    against = projection.versions.used
    basis = _basis(projection, version, against)
    comparing = Comparing(
        projection,
        leaders,
        against,
        version,
        keep_up=_keep_up(orderwright, projection, version),
        progress=progress,
    )
    groups = comparing.run()
    found = Comparison(
        projection=projection.name,
        version=version,
        against=against,
        at=orderwright.clock(),
        positions=comparing.positions,
        rows=comparing.rows,
        parked=_parked(projection),
        groups=groups,
    )
    kept = KeptComparison(version, against, basis, json.dumps(to_json(asdict(found))))
    _notes(projection).keep_comparison(kept)
    return found


def comparison_report(orderwright: Orderwright, name: str, version: int | None) -> ComparisonReport:
    """What is known of how a version compares: of a number, else the newest one. Compares nothing. Raises
    `UnknownReadModel` and `UnknownVersion`."""
    projection = find_read_model(orderwright, name)
    number = newest_version(projection) if version is None else find_version(projection, version).number
    return ComparisonReport(
        projection.name,
        number,
        last_comparison(projection, number),
        tuple(_notes(projection).acceptances(number)),
    )


def newest_version(projection: Projection) -> int:
    """The newest version that this release has made. Raises `UnknownVersion`."""
    known, _ = projection.versions.registry.all()
    ours = [one for one in known if one.state is not State.DROPPED and projection.versions.fits(one)]
    if not ours:
        raise UnknownVersion(f"this release has made no version of {projection.name}")
    return ours[-1].number


def last_comparison(projection: Projection, version: int) -> Comparison | None:
    """How a version compared with the one that is in use; None when that was never found out, or neither is
    any more what was compared."""
    against = projection.versions.used
    kept = _notes(projection).comparison(version)
    if kept is None or kept.against != against or kept.basis != _basis(projection, version, against):
        return None
    found = _read(json.loads(kept.found))
    store = projection.recorder
    for name, position in found.positions.items():
        if any(store.checkpoint(key_at(name, each))[0] < position for each in (version, against)):
            return None  # one of them was begun anew
    return found


def keep_accepted(
    projection: Projection, found: Comparison, accepted: Collection[str], context: CommandContext, reason: str
) -> None:
    """Keep with the version that somebody accepts all its differences, for one reason. Raises
    `UnexplainedDifferences` unless every group is accepted, and when there is no such group."""
    unknown = sorted({*accepted} - {group.id for group in found.groups})
    if unknown:
        raise UnexplainedDifferences(
            f"version {found.version} of {projection.name} has no difference {', '.join(unknown)}; "
            f"it has {', '.join(group.id for group in found.groups) or 'none'}"
        )
    left = [group for group in found.groups if group.id not in accepted]
    if left:
        raise UnexplainedDifferences(_refusal(projection, found, left))
    who = (context.time.isoformat(timespec="microseconds"), context.user or "", reason)
    notes = [Acceptance(found.version, group.id, group.rows, *who) for group in found.groups]
    store = cast(KeepsAgreement, projection.recorder)
    store.transact(_notes(projection).acceptance_steps(notes))


def _refusal(projection: Projection, found: Comparison, left: Sequence[Group]) -> str:
    told = "; ".join(
        f"{group.id} in {group.rows:,} rows (first {projection.subject.noun}: {group.first[0]})"
        for group in left
    )
    accept = " ".join(f"--accept {group.id}" for group in left)
    return (
        f"version {found.version} of {projection.name} differs from version {found.against}, which is "
        f"served, in ways that nobody has accepted: {told}. Look at them: orderwright projections compare "
        f"{projection.name}. If they are meant: orderwright projections switch {projection.name} {accept} "
        "--reason TEXT"
    )


def _keep_up(orderwright: Orderwright, projection: Projection, version: int) -> KeepUp:
    """Follows in place of a runner: the version in use as a runner does, the other one in bulk, unless that
    was made by another release."""
    loop = orderwright.runner().loops[projection.name]
    noted = projection.versions.registry.get(version)
    is_ours = noted is not None and projection.versions.fits(noted)
    builder = Builder(projection, orderwright.leaders_of(projection.name), version) if is_ours else None

    def keep_up() -> int:
        moved = loop.advance()
        if not moved:
            loop.carry_forward()
        return moved + (builder.advance() if builder is not None else 0)

    return keep_up


def _parked(projection: Projection) -> int:
    lot = lot_of(projection)
    return 0 if lot is None else sum(len(waiting) for waiting in lot.parked.values())


def _notes(projection: Projection) -> VersionNotes:
    return VersionNotes(cast(KeepsAgreement, projection.recorder))


def _basis(projection: Projection, version: int, against: int) -> str:
    """What a comparison rests on beside positions: rows that were put right since, or events that could not
    be taken in, make it another one."""
    failures = projection.versions.registry.count_failures()
    repairs = _notes(projection).count_repairs()
    return f"repairs {repairs}, failures {failures.get(version, 0)} and {failures.get(against, 0)}"


def _read(stored: dict[str, Any]) -> Comparison:
    groups = [
        Group(**{**group, "first": tuple(group["first"]), "example": Example(**group["example"])})
        for group in stored["groups"]
    ]
    return replace(Comparison(**{**stored, "groups": tuple(groups)}), at=datetime.fromisoformat(stored["at"]))
