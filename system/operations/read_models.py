"""The read models and their versions: which is served, how far each is, and what it could not take in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from domain.shared.errors import NotFound
from system.bootstrap import Orderwright
from system.followers.projection import Projection
from system.persistence.postgres.answers import Pace, at_pace
from system.persistence.versions import Failed, State, Switch, Version, key_at

FAR_BEHIND = 10_000
"""A version that lacks more events than this is not kept up to date as it should be."""

MAX_FAILURES = 20
"""So many events that a version could not take in are named; the others are counted."""


class UnknownReadModel(NotFound):
    """There is no read model of that name."""

    code = "unknown_read_model"


class UnknownVersion(NotFound):
    """The read model has no version of that number, or it was dropped."""

    code = "unknown_version"


@dataclass(frozen=True)
class FailureReport:
    """An event that a version could not take in, with the error. The rows of its order in `tables` may be
    wrong."""

    leader: str
    position: int
    topic: str
    stream_id: str
    order_id: str
    error: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class VersionReport:
    """A version of a read model.

    `is_served` is what queries see; `is_ours` says whether its rows are what this release keeps. Of `events`
    in the logs `events_read` are in its rows, both counted by positions. `rate` is events a second
    while it was built, `estimated_seconds` what that was expected to take when a tenth was read. `rows`
    counts its rows by table. Of one that was dropped only the dates are known.
    """

    version: int
    state: str
    is_served: bool
    is_ours: bool
    made_at: str | None
    made_by: str | None
    ready_at: str | None
    dropped_at: str | None
    dropped_by: str | None
    events_read: int
    events: int
    taken_seconds: float | None
    estimated_seconds: float | None
    rate: float | None
    rows: Mapping[str, int]
    failures: int
    failed: tuple[FailureReport, ...]

    @property
    def behind(self) -> int:
        """How many events are not in its rows yet."""
        return max(self.events - self.events_read, 0)


@dataclass(frozen=True)
class ReadModelReport:
    """A read model: the version that is served, the one that this release uses, and all there are or were."""

    name: str
    word: str
    follows: tuple[str, ...]
    served: int
    used: int
    versions: tuple[VersionReport, ...]
    switches: tuple[Switch, ...]


@dataclass(frozen=True)
class ReadModelsReport:
    """Every read model."""

    items: tuple[ReadModelReport, ...]


def word_of(name: str) -> str:
    """The name of a read model as tables and addresses have it: order_dashboard."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def find_read_model(orderwright: Orderwright, name: str) -> Projection:
    """The read model of a name, which is that of its class or of one of its tables. Raises
    `UnknownReadModel`, which lists them."""
    for projection in orderwright.read_models.values():
        words = (projection.name, word_of(projection.name), *(table.name for table in projection.tables))
        if name in words:
            return projection
    known = ", ".join(sorted(orderwright.read_models))
    raise UnknownReadModel(f"there is no read model {name!r}; there are {known}", field="/name")


def find_version(projection: Projection, number: int) -> Version:
    """A version that is there. Raises `UnknownVersion`."""
    found = projection.versions.registry.get(number)
    if found is None or found.state is State.DROPPED:
        was = "was dropped" if found is not None else "does not exist"
        raise UnknownVersion(f"version {number} of {projection.name} {was}")
    return found


def read_models(orderwright: Orderwright) -> ReadModelsReport:
    """Every read model with its versions."""
    found = (read_model(orderwright, name) for name in sorted(orderwright.read_models))
    return ReadModelsReport(tuple(found))


@at_pace(Pace.SLOW)
def read_model(orderwright: Orderwright, name: str) -> ReadModelReport:
    """One read model with its versions. Raises `UnknownReadModel`."""
    projection = find_read_model(orderwright, name)
    versions = projection.versions
    known, served = versions.registry.all()
    leaders = orderwright.leaders_of(projection.name)
    failures = versions.registry.count_failures()
    return ReadModelReport(
        projection.name,
        word_of(projection.name),
        tuple(leader.name for leader in leaders),
        served,
        versions.ask(),
        tuple(_version(orderwright, projection, one, served, failures.get(one.number, 0)) for one in known),
        tuple(versions.registry.latest_switches()),
    )


def versions_to_see_to(orderwright: Orderwright) -> list[str]:
    """What a person should do something about: versions beside the one in use that are far behind, or that
    could not take in every event; and a read model that another release has made."""
    found = []
    for name, projection in sorted(orderwright.read_models.items()):
        known, _ = projection.versions.registry.all()
        failures = projection.versions.registry.count_failures()
        used = projection.versions.ask()
        for version in known:
            where = f"version {version.number} of {name}"
            if version.number == used and not projection.versions.fits(version):
                found.append(
                    f"{where} was made by another release: build one of this release with "
                    f"`orderwright projections rebuild {name}`"
                )
            if failures.get(version.number):
                found.append(
                    f"{where} could not take in {failures[version.number]} events, see "
                    f"`orderwright projections status {name}`"
                )
            if version.number in projection.versions.kept():
                read, there = progress_of(orderwright, projection, version.number)
                if there - read > FAR_BEHIND:
                    found.append(f"{where} is kept up to date no more: it lacks {there - read} events")
    return found


def progress_of(orderwright: Orderwright, projection: Projection, number: int) -> tuple[int, int]:
    """How many events a version has read, and how many there are; counted by positions."""
    read = there = 0
    for leader in orderwright.leaders_of(projection.name):
        # The position is read first: a head that is read later can only be further on.
        position = projection.recorder.max_tracking_id(key_at(leader.name, number)) or 0
        read += position
        there += max(leader.recorder.max_notification_id() or 0, position)
    return read, there


def failures_of(projection: Projection, number: int) -> tuple[FailureReport, ...]:
    """The first events that a version could not take in."""
    return tuple(
        _failure(projection, one) for one in projection.versions.registry.failures_of(number, MAX_FAILURES)
    )


def _failure(projection: Projection, failed: Failed) -> FailureReport:
    tables = tuple(table.at(failed.version).name for table in projection.tables if "order_id" in table.key)
    where = (failed.leader, failed.position, failed.topic, failed.stream_id, failed.order_id)
    return FailureReport(*where, failed.error, tables)


def _version(
    orderwright: Orderwright, projection: Projection, version: Version, served: int, failures: int
) -> VersionReport:
    is_there = version.state is not State.DROPPED
    read, there = progress_of(orderwright, projection, version.number) if is_there else (0, 0)
    taken = version.taken_ms / 1000 if version.taken_ms else None
    estimated = version.estimated_ms / 1000 if version.estimated_ms is not None else None
    return VersionReport(
        version=version.number,
        state=str(version.state),
        is_served=version.number == served,
        is_ours=projection.versions.fits(version),
        made_at=version.made_at,
        made_by=version.made_by,
        ready_at=version.ready_at,
        dropped_at=version.dropped_at,
        dropped_by=version.dropped_by,
        events_read=read,
        events=there,
        taken_seconds=taken,
        estimated_seconds=estimated,
        rate=_rate(version, read),
        rows=_rows(projection, version.number) if is_there else {},
        failures=failures,
        failed=failures_of(projection, version.number) if failures else (),
    )


def _rate(version: Version, read: int) -> float | None:
    """Events a second while it was built, or is."""
    events = read if version.state is State.BUILDING else version.events
    return round(1000 * events / version.taken_ms, 1) if events and version.taken_ms else None


def _rows(projection: Projection, number: int) -> dict[str, int]:
    counts = {}
    for table in projection.versions.tables_of(number):
        (found,) = projection.recorder.rows(f"SELECT COUNT(*) AS n FROM @{table.name}", {})
        counts[table.name] = int(found["n"])
    return counts
