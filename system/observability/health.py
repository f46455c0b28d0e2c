"""Is this process ready for work? The answer names each check, and nothing that should stay inside."""

from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from eventsourcing.domain import EventSourcingError

from system.bootstrap import Orderwright
from system.observability.agreement import log_agreement
from system.operations.stuck import StuckReport, find_stuck, owners_of
from system.runner.lease import LeasesUnavailable
from system.runner.service import RunnerService

log = structlog.get_logger()


@dataclass(frozen=True)
class HealthCheck:
    """One thing that has to be so."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Readiness:
    """Whether everything that has to be so is so."""

    status: str
    checks: tuple[HealthCheck, ...]

    @property
    def is_ready(self) -> bool:
        """Whether to send work here."""
        return all(check.ok for check in self.checks)


def readiness(orderwright: Orderwright, service: RunnerService | None) -> Readiness:
    """Look at the store, at who follows it and, when this process has a runner service, how."""
    checks = tuple(_checks(orderwright, service))
    return Readiness("ready" if all(check.ok for check in checks) else "not_ready", checks)


def what_is_stuck(orderwright: Orderwright, service: RunnerService | None) -> StuckReport | None:
    """What stands still, or None when the store does not tell. It makes no process less ready: none
    would do better."""
    try:
        return find_stuck(orderwright, owners_of(orderwright, service))
    except EventSourcingError as error:
        log.warning("what is stuck cannot be told", error=str(error))
        return None


def _checks(orderwright: Orderwright, service: RunnerService | None) -> Iterator[HealthCheck]:
    store = _store(orderwright)
    yield store
    if store.ok:
        yield _runner(orderwright, service)
        yield HealthCheck("logs", *log_agreement(orderwright))
    if service is not None and store.ok:
        faults = sorted(service.faults())  # why is in the log: it may name hosts and files
        found = f"pausing or hanging: {', '.join(faults)}" if faults else "none is pausing or hanging"
        damaged = sorted(service.damaged_lots())  # which stops no other work, so it is no less ready
        if damaged:
            found += f"; the parking lot of {', '.join(damaged)} cannot be read, see orderwright doctor"
        yield HealthCheck("followers", not faults, found)


def _store(orderwright: Orderwright) -> HealthCheck:
    for name, application in orderwright.applications.items():
        try:
            application.recorder.max_notification_id()
        except EventSourcingError as error:
            log.warning("store does not answer", application=name, error=str(error))
            return HealthCheck("store", False, f"the store of {name} does not answer")
    return HealthCheck("store", True, "answers")


def _runner(orderwright: Orderwright, service: RunnerService | None) -> HealthCheck:
    try:
        owners = owners_of(orderwright, service)
    except LeasesUnavailable as error:
        log.warning("who follows what cannot be told", error=str(error))
        return HealthCheck("runner", False, "who follows the store cannot be told")
    nobody = [name for name, owner in owners.items() if owner is None]
    if nobody:
        return HealthCheck("runner", False, f"no process runs {', '.join(nobody)}")
    return HealthCheck("runner", True, "every follower is run by a process")
