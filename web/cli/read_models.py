"""How read models, their versions and their builds are shown."""

from collections.abc import Iterable

from system.operations.read_models import FailureReport, ReadModelReport, ReadModelsReport, VersionReport
from system.recovery.read_models.building import BuildReport

from .output import write_fields, write_line, write_table


def write_list(report: ReadModelsReport) -> None:
    """Every version of every read model, a line each."""
    write_table(
        ("read model", ">version", "state", ">events read", ">behind", ">failures", ">rows"),
        (
            (
                one.name,
                version.version,
                _state(version),
                f"{version.events_read:,}",
                f"{version.behind:,}",
                version.failures,
                f"{sum(version.rows.values()):,}",
            )
            for one in report.items
            for version in one.versions
            if version.state != "dropped"
        ),
    )


def write_all(report: ReadModelsReport) -> None:
    """All about every read model."""
    for one in report.items:
        write_status(one)


def write_status(report: ReadModelReport) -> None:
    """All about one read model."""
    write_line(f"{report.name} follows {', '.join(report.follows)}.")
    if report.used != report.served:
        write_line(
            f"Version {report.served} is served, and was made by another release; this one reads version "
            f"{report.used}."
        )
    for version in report.versions:
        write_line("")
        write_line(f"Version {version.version}: {_state(version)}")
        write_fields(_fields(version))
        write_failures(version.failures, version.failed)
    if report.switches:
        write_line("")
        write_table(
            ("switched at", "to version", "by", "why"),
            ((one.at[:19], one.version, one.made_by, one.reason or None) for one in report.switches),
        )
    write_line("")


def write_build(report: BuildReport) -> None:
    """What became of a build, and what to do next."""
    where = f"version {report.version} of {report.name}"
    took = f"{report.events_read:,} events in {_seconds(report.taken_seconds)}, {report.rate:,.0f}/s"
    if not report.is_ready:
        write_line(
            f"Stopped: {where} has {report.events_read:,} of {report.events:,} events, which are kept."
        )
        write_line(f"To go on: orderwright projections rebuild {report.name}")
        write_line(f"To give up: orderwright projections drop {report.name} --version {report.version}")
        return
    write_line(f"Built {where}: {took}.")
    if report.estimated_seconds:
        off = report.taken_seconds / report.estimated_seconds - 1
        compared = f"{abs(off):.0%} {'more' if off > 0 else 'less'}"
        write_line(
            f"After the first tenth {_seconds(report.estimated_seconds)} were expected: it took {compared}."
        )
    write_failures(report.failures, report.failed)
    if report.failures:
        write_line(
            "When what is wrong is mended, drop this version and build it again: orderwright projections "
            f"drop {report.name} --version {report.version}"
        )
    else:
        write_line(f"To have it served: orderwright projections switch {report.name}")


def write_failures(count: int, failed: Iterable[FailureReport]) -> None:
    """The events that could not be taken in."""
    if not count:
        return
    shown = list(failed)
    write_line(f"{count:,} events could not be taken in; the rows of these orders may be wrong:")
    write_table(
        ("leader", ">position", "type", "order", "rows in", "error"),
        (
            (one.leader, one.position, one.topic, one.order_id, ", ".join(one.tables) or None, one.error)
            for one in shown
        ),
    )
    if count > len(shown):
        write_line(f"And {count - len(shown):,} more.")


def _state(version: VersionReport) -> str:
    served = ", served" if version.is_served else ""
    return f"{version.state}{served}{'' if version.is_ours else ', of another release'}"


def _fields(version: VersionReport) -> Iterable[tuple[str, object]]:
    if version.made_at is not None:
        yield "begun", _by(version.made_at, version.made_by)
    if version.dropped_at is not None:
        yield "dropped", _by(version.dropped_at, version.dropped_by)
        return
    if version.ready_at is not None:
        yield "ready", version.ready_at[:19]
    yield "events read", f"{version.events_read:,} of {version.events:,}"
    if version.rate is not None:
        yield "rate", f"{version.rate:,.0f} events/s"
    if version.estimated_seconds is not None:
        yield "expected to take", _seconds(version.estimated_seconds)
    if version.taken_seconds is not None:
        yield "took" if version.ready_at else "took so far", _seconds(version.taken_seconds)
    for table, rows in version.rows.items():
        yield f"rows of {table}", f"{rows:,}"


def _by(at: str, by: str | None) -> str:
    return f"{at[:19]} by {by}" if by else at[:19]


def _seconds(seconds: float) -> str:
    return f"{seconds:,.1f} s"
