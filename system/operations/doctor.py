"""The doctor: are the settings, the store, the positions and the followers in order?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from eventsourcing.persistence import PersistenceError

from system.bootstrap import Orderwright, build
from system.operations.positions import ParkedReport, Position, parked_events, positions
from system.settings import IN_MEMORY, InvalidSettings, Settings

_NAMED = 20


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
    except (PersistenceError, OSError) as error:
        return DoctorReport((*checks, Check("store", Verdict.PROBLEM, f"cannot be opened: {error}")))
    try:
        return _examine_store(orderwright, checks)
    except PersistenceError as error:
        return DoctorReport((*checks, Check("store", Verdict.PROBLEM, f"cannot be read: {error}")))
    finally:
        orderwright.close()


def _examine_store(orderwright: Orderwright, checks: list[Check]) -> DoctorReport:
    where, parked = tuple(positions(orderwright)), tuple(parked_events(orderwright))
    events = {position.leader: position.head for position in where}
    checks.append(Check("store", Verdict.OK, f"{sum(events.values())} events in {len(events)} logs"))
    if orderwright.settings.persistence_module == IN_MEMORY:
        checks.append(
            Check("durability", Verdict.WARNING, "events are kept in memory and end with the process")
        )
    for check in (_runner, _positions_check(where), _parked_check(parked), _stuck_fulfilments):
        checks.append(check(orderwright))
    return DoctorReport(tuple(checks), where, parked)


def _runner(orderwright: Orderwright) -> Check:
    leases = orderwright.leases()
    try:
        owners = leases.owners()
    finally:
        leases.release()
    nobody = [name for name, owner in owners.items() if owner is None]
    if not nobody:
        by_whom = ", ".join(sorted({str(owner) for owner in owners.values()}))
        return Check("runner", Verdict.OK, f"every follower is run by {by_whom}")
    whom = "any follower" if len(nobody) == len(owners) else ", ".join(nobody)
    return Check("runner", Verdict.WARNING, f"no process runs {whom}: orders wait until one does")


def _positions_check(where: tuple[Position, ...]) -> Callable[[Orderwright], Check]:
    def check(_: Orderwright) -> Check:
        ahead = [position for position in where if position.lag < 0]
        if ahead:
            names = ", ".join(f"{p.follower} in {p.leader} ({p.position} > {p.head})" for p in ahead)
            return Check(
                "positions", Verdict.PROBLEM, f"ahead of the log, which must have lost events: {names}"
            )
        lag = sum(position.lag for position in where)
        return Check(
            "positions", Verdict.OK, f"{lag} events still to be read" if lag else "every follower is level"
        )

    return check


def _parked_check(parked: tuple[ParkedReport, ...]) -> Callable[[Orderwright], Check]:
    def check(_: Orderwright) -> Check:
        waiting_first = [report for report in parked if report.is_first]
        if not waiting_first:
            return Check("parked events", Verdict.OK, "none")
        first = waiting_first[0]
        why = first.event.error or "held back until an earlier event had left, and not tried since"
        return Check(
            "parked events",
            Verdict.PROBLEM,
            f"{len(waiting_first)} parked and {len(parked) - len(waiting_first)} held back behind them, "
            f"see `orderwright dead-letters list`; the first: {first.follower} at position "
            f"{first.event.position} of {first.event.leader} ({first.event.topic}): {why}",
        )

    return check


def _stuck_fulfilments(orderwright: Orderwright) -> Check:
    failed = [failure.order_id for failure in orderwright.saga_log.failed_compensations()]
    if not failed:
        return Check("fulfilments", Verdict.OK, "no compensation has failed for good")
    names = ", ".join(failed[:_NAMED]) + (", ..." if len(failed) > _NAMED else "")
    return Check(
        "fulfilments",
        Verdict.PROBLEM,
        f"a compensation failed for good; {len(failed)} orders waiting for a person: {names}",
    )
