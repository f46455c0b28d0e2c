"""The doctor: are the settings, the store, the positions and the followers in order?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from application.snapshots import Unusable
from system.bootstrap import Orderwright, build
from system.kinds.newer import CURE, newer_in_store
from system.operations.clocks import TOLERATED, LatestEvent, ahead_of_database, latest_events
from system.operations.followers import FollowersReport, Outlook, State, assembled
from system.operations.lag import Lag, events_to_handle, lags
from system.operations.positions import (
    DamagedLot,
    ParkedReport,
    Position,
    parked_events,
    positions,
    sequences_behind,
)
from system.operations.read_models import versions_to_see_to
from system.operations.snapshots import SnapshotReport, snapshot_report
from system.operations.stuck import StuckReport, find_stuck, owners_of
from system.operations.writable import unwritable
from system.persistence.agreement import Disagreement
from system.persistence.full_disk import is_full
from system.persistence.postgres.suitable import Database
from system.persistence.postgres.suitable import examine as examine_database
from system.persistence.private_files import open_to_others
from system.settings.environment import IN_MEMORY, SQLITE, InvalidSettings, Settings
from system.stores import databases_of
from system.verification.kept import last_verification

REFERENCES_TOLD = 5
VERIFIED_WITHIN = timedelta(days=7)


class Verdict(StrEnum):
    """How a check came out. Only a problem makes the doctor's exit code 1."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Verdict
    detail: str


@dataclass(frozen=True)
class DoctorReport:
    """What the doctor found."""

    checks: tuple[Check, ...]
    positions: tuple[Position, ...] = field(default=())
    parked: tuple[ParkedReport, ...] = field(default=())
    stuck: StuckReport | None = None
    disagreements: tuple[Disagreement, ...] = ()
    followers: FollowersReport | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether there is no problem."""
        return all(check.status is not Verdict.PROBLEM for check in self.checks)


def examine(environment: Mapping[str, str]) -> DoctorReport:
    """Examine the settings, and the store that they name. Never raises for what it finds wrong."""
    try:
        settings = Settings.from_environment(environment)
    except InvalidSettings as error:
        return DoctorReport((Check("settings", Verdict.PROBLEM, str(error)),))
    checks = [Check("settings", Verdict.OK, f"PERSISTENCE_MODULE={settings.persistence_module}")]
    try:
        orderwright = build(settings)
    except InvalidSettings as error:
        return DoctorReport((*checks, Check("encryption", Verdict.PROBLEM, str(error))))
    except (PersistenceError, OSError) as error:
        is_disk = "its disk is full: " if is_full(error) else ""
        return DoctorReport((*checks, Check("store", Verdict.PROBLEM, f"cannot be opened: {is_disk}{error}")))
    try:
        return _examine_store(orderwright, checks)
    except PersistenceError as error:
        return DoctorReport((*checks, Check("store", Verdict.PROBLEM, f"cannot be read: {error}")))
    finally:
        orderwright.close()


def _examine_store(orderwright: Orderwright, checks: list[Check]) -> DoctorReport:
    where, parked = tuple(positions(orderwright)), tuple(parked_events(orderwright))
    events = {position.leader: position.head for position in where}
    checks.append(_store(events, unwritable(orderwright)))
    checks += _databases(databases_of(orderwright.settings))
    if orderwright.settings.persistence_module == IN_MEMORY:
        checks.append(
            Check("durability", Verdict.WARNING, "events are kept in memory and end with the process")
        )
    elif orderwright.settings.persistence_module == SQLITE:
        checks.append(_privacy(orderwright.settings.data))
    owners = owners_of(orderwright)
    behind = lags(orderwright)
    stuck = find_stuck(orderwright, owners, behind=behind)
    followers = assembled(orderwright, owners, behind, stuck.parked)
    disagreements = tuple(orderwright.disagreements())
    checks += [
        _runner(owners),
        _followers(followers),
        _logs_check(orderwright, disagreements),
        _positions_check(where, behind, stuck),
        _parked_check(parked),
    ]
    checks += [_lots_check(stuck.damaged_lots), _failed_compensations(stuck), _progress(stuck)]
    checks.append(_clocks(latest_events(orderwright), ahead_of_database(orderwright) or 0.0))
    checks.append(_versions(orderwright))
    checks.append(_references(orderwright))
    checks.append(_snapshots(snapshot_report(orderwright)))
    checks.append(_verification(orderwright))
    checks.append(_read_models(versions_to_see_to(orderwright)))
    return DoctorReport(tuple(checks), where, parked, stuck, disagreements, followers)


def _store(events: Mapping[str, int], unwritable: Mapping[str, str]) -> Check:
    if unwritable:
        why = next(iter(unwritable.values()))
        names = ", ".join(sorted(unwritable))
        return Check(
            "store",
            Verdict.PROBLEM,
            f"the files of {names} cannot be written ({why}): see who may write them and whether their file "
            "system takes writes; the service goes on by itself when it does",
        )
    return Check("store", Verdict.OK, f"{sum(events.values())} events in {len(events)} logs")


def _privacy(folder: Path) -> Check:
    files = [path.name for path in open_to_others(folder)]
    if not files:
        return Check("privacy", Verdict.OK, f"nobody else can use the files in {folder}")
    return Check(
        "privacy",
        Verdict.WARNING,
        f"others on this machine can use {', '.join(files)} in {folder}: unless that is wanted, "
        f"chmod -R go= {folder}",
    )


def _databases(databases: Sequence[Database]) -> list[Check]:
    """How the databases are set up; those that cannot hold a store at all are not opened."""
    found = [examine_database(database) for database in databases]
    no_writes = [line for each in found for line in each.no_writes]
    risks = [line for each in found for line in each.risks]
    if no_writes:
        return [Check("database", Verdict.PROBLEM, "; ".join((*no_writes, *risks)))]
    if risks:
        return [Check("database", Verdict.WARNING, "; ".join(risks))]
    return [Check("database", Verdict.OK, "as it should be")] if databases else []


def _runner(owners: Mapping[str, str | None]) -> Check:
    nobody = [name for name, owner in owners.items() if owner is None]
    if not nobody:
        by_whom = ", ".join(sorted({str(owner) for owner in owners.values()}))
        return Check("runner", Verdict.OK, f"every follower is run by {by_whom}")
    whom = "any follower" if len(nobody) == len(owners) else ", ".join(nobody)
    return Check("runner", Verdict.WARNING, f"no process runs {whom}: orders wait until one does")


def _followers(report: FollowersReport) -> Check:
    """Those that are run and do not go on are worth a look; that nobody runs one the check before says."""
    wrong = [
        f"{one.follower}: {one.why}" for one in report.followers if one.state in (State.PAUSING, State.SILENT)
    ] + [
        f"{one.follower} falls behind in {each.leader}: {each.events_to_handle} events to handle, "
        f"{each.events_per_second:g} a second are handled and {each.incoming_per_second:g} come in"
        for one in report.followers
        for each in one.leaders
        if each.outlook is Outlook.FALLING_BEHIND
    ]
    if wrong:
        return Check("followers", Verdict.WARNING, "; ".join(wrong))
    return Check("followers", Verdict.OK, "none pauses, is silent or falls behind")


def _logs_check(orderwright: Orderwright, disagreements: tuple[Disagreement, ...]) -> Check:
    if disagreements:
        found = "; ".join(one.detail for one in disagreements)
        return Check(
            "logs",
            Verdict.PROBLEM,
            f"{found}. The followers named here do not run, and these logs take no events: "
            "see `orderwright store realign`",
        )
    late = sequences_behind(orderwright)
    if late:
        names = ", ".join(f"{one.log} (next {one.next_position}, log ends at {one.head})" for one in late)
        return Check("logs", Verdict.WARNING, f"a sequence is behind, the next append puts it right: {names}")
    return Check("logs", Verdict.OK, "every log has what its followers have read")


def _positions_check(where: tuple[Position, ...], behind: tuple[Lag, ...], stuck: StuckReport) -> Check:
    ahead = [position for position in where if position.is_ahead]
    if ahead:
        names = ", ".join(f"{p.follower} in {p.leader} ({p.position} > {p.head})" for p in ahead)
        return Check("positions", Verdict.PROBLEM, f"ahead of the log, which must have lost events: {names}")
    if stuck.positions:
        names = ", ".join(
            f"{p.follower} at {p.position} of {p.leader} since {p.unread_since:%Y-%m-%d %H:%M:%S}"
            for p in stuck.positions
        )
        is_run = any(position.follower not in stuck.unowned for position in stuck.positions)
        # A follower that nobody runs is no riddle: the check of the runner says what is missing.
        verdict = Verdict.PROBLEM if is_run else Verdict.WARNING
        return Check("positions", verdict, f"followers have events to handle and do not move: {names}")
    lag = events_to_handle(behind)
    told = f"{lag} events still to be handled" if lag else "every follower is up to date"
    return Check("positions", Verdict.OK, told)


def _parked_check(parked: tuple[ParkedReport, ...]) -> Check:
    waiting_first = [report for report in parked if report.is_first]
    if not waiting_first:
        return Check("parked events", Verdict.OK, "none")
    first = waiting_first[0]
    why = first.event.error or "was held back behind an earlier event, and was not tried since that left"
    return Check(
        "parked events",
        Verdict.PROBLEM,
        f"{len(waiting_first)} parked and {len(parked) - len(waiting_first)} held back behind them, "
        f"see `orderwright dead-letters list`; the first: {first.follower} at position "
        f"{first.event.position} of {first.event.leader} ({first.event.topic}): {why}",
    )


def _lots_check(damaged: tuple[DamagedLot, ...]) -> Check:
    if not damaged:
        return Check("parking lots", Verdict.OK, "all can be read")
    doubtful = sum(len(lot.doubtful) for lot in damaged)
    first = "; ".join(f"of {lot.follower}: {lot.damage[0].error}" for lot in damaged)
    return Check(
        "parking lots",
        Verdict.PROBLEM,
        f"{sum(len(lot.damage) for lot in damaged)} events of parking lots cannot be read; {doubtful} orders "
        f"that they name are held back, and nothing of these lots can be retried, until they are repaired: "
        f"{first}",
    )


def _failed_compensations(stuck: StuckReport) -> Check:
    if not stuck.waiting:
        return Check("fulfilments", Verdict.OK, "no compensation has failed for good")
    names = ", ".join(stuck.waiting) + (", ..." if stuck.waiting_count > len(stuck.waiting) else "")
    return Check(
        "fulfilments",
        Verdict.PROBLEM,
        f"a compensation failed for good; {stuck.waiting_count} orders waiting for a person: {names}",
    )


def _progress(stuck: StuckReport) -> Check:
    if not stuck.overdue:
        return Check("progress", Verdict.OK, "no fulfilment takes longer than it is allowed")
    first = stuck.overdue[0]
    where = f"{first.step} {first.step_status}" if first.step is not None else first.status
    return Check(
        "progress",
        Verdict.PROBLEM,
        f"{stuck.overdue_count} fulfilments have made no progress for longer than they are allowed; "
        f"the longest: order {first.order_id}, {where} since {first.since:%Y-%m-%d %H:%M:%S}",
    )


def _clocks(latest: tuple[LatestEvent, ...], ahead: float) -> Check:
    wrong = []
    if abs(ahead) > TOLERATED.total_seconds():
        where = "ahead of" if ahead > 0 else "behind"
        wrong.append(f"the clock of this machine is {abs(ahead):.0f} seconds {where} the database's")
    future = [event for event in latest if event.is_from_the_future]
    if future:
        worst = max(future, key=lambda event: event.ahead_seconds)
        wrong.append(
            f"position {worst.position} of {worst.leader} ({worst.topic}) was recorded with a time "
            f"{worst.ahead_seconds:.0f} seconds from now: the clock of the machine that recorded it was "
            "ahead, or the clock of this one is behind"
        )
    if not wrong:
        return Check("clocks", Verdict.OK, "no event is from the future")
    advice = "no order waits for it, but times are shown wrongly: check the time synchronisation (NTP)"
    return Check("clocks", Verdict.WARNING, f"{'; '.join(wrong)}; {advice}")


def _versions(orderwright: Orderwright) -> Check:
    newer = newer_in_store(orderwright.applications, orderwright.event_counts)
    if not newer:
        return Check("event versions", Verdict.OK, "none is newer than this release")
    found = "; ".join(one.detail for one in newer)
    return Check("event versions", Verdict.PROBLEM, f"a newer release has recorded {found}. {CURE}")


def _snapshots(report: SnapshotReport) -> Check:
    if report.fault is not None:
        return Check(
            "snapshots",
            Verdict.WARNING,
            f"cannot be read ({report.fault}): nothing is lost, but long streams take longer to load",
        )
    found = [f"{report.count}"]
    altered = report.figures.discarded[Unusable.ALTERED]
    if altered:
        found.append(f"{altered} times one was altered and not used")
    if report.long_replays:
        slowest = report.long_replays[0]
        found.append(
            f"{len(report.long_replays)} aggregates took longer than 100 ms to replay, most of all "
            f"{slowest.aggregate} {slowest.stream_id} with {slowest.milliseconds} ms"
        )
    return Check("snapshots", Verdict.OK, "; ".join(found))


def _verification(orderwright: Orderwright) -> Check:
    """What the last `store verify` found, and whether that was long ago."""
    try:
        last = last_verification(orderwright).last
    except PersistenceError as error:
        return Check(
            "verification", Verdict.WARNING, f"what is kept of verifications cannot be read: {error}"
        )
    if last is None:
        return Check("verification", Verdict.OK, "none was run yet, see `orderwright store verify`")
    when = f"{datetime.fromisoformat(last.at):%Y-%m-%d %H:%M:%S}"
    if not last.is_clean:
        first = last.findings[0]
        what = f"{first.verdict} in {first.application}, {first.place}: {first.what}; {first.advice}"
        return Check(
            "verification",
            Verdict.PROBLEM,
            f"`orderwright store verify` of {when} found {last.found}; the first: {what}",
        )
    if orderwright.clock() - datetime.fromisoformat(last.at) > VERIFIED_WITHIN:
        return Check("verification", Verdict.WARNING, f"the last was on {when}: have it run each night")
    return Check("verification", Verdict.OK, f"nothing was wrong on {when}")


def _references(orderwright: Orderwright) -> Check:
    count, some = orderwright.dashboard.shared_references(REFERENCES_TOLD)
    if not count:
        return Check("references", Verdict.OK, "no two orders carry the same reference")
    told = ", ".join(
        f"{one.order_ref} ({' and '.join(one.order_ids)}{', and others' if one.orders > 2 else ''})"
        for one in some
    )
    return Check(
        "references",
        Verdict.WARNING,
        f"{count} references are carried by several orders, each charged by itself, as an earlier release "
        f"took them: where it was one order, cancel the other; {told}{', ...' if count > len(some) else ''}",
    )


def _read_models(found: Sequence[str]) -> Check:
    if not found:
        return Check("read models", Verdict.OK, "every version that is kept is up to date")
    return Check("read models", Verdict.WARNING, "; ".join(found))
