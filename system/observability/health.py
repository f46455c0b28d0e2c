"""Is this process ready for work? The answer names each check, and nothing that should stay inside."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import structlog
from eventsourcing.domain import EventSourcingError

from system.bootstrap import Orderwright
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
    """Look at the store and, when this process has a runner service, at who follows it and how."""
    checks = tuple(_checks(orderwright, service))
    return Readiness("ready" if all(check.ok for check in checks) else "not_ready", checks)


def _checks(orderwright: Orderwright, service: RunnerService | None) -> Iterator[HealthCheck]:
    store = _store(orderwright)
    yield store
    if service is not None and store.ok:
        yield _runner(orderwright, service)
        faults = sorted(service.faults())  # why is in the log: it may name hosts and files
        yield HealthCheck(
            "followers", not faults, f"pausing: {', '.join(faults)}" if faults else "none is pausing"
        )


def _store(orderwright: Orderwright) -> HealthCheck:
    for name, application in orderwright.applications.items():
        try:
            application.recorder.max_notification_id()
        except EventSourcingError as error:
            log.warning("store does not answer", application=name, error=str(error))
            return HealthCheck("store", False, f"the store of {name} does not answer")
    return HealthCheck("store", True, "answers")


def _runner(orderwright: Orderwright, service: RunnerService) -> HealthCheck:
    if service.is_running:
        return HealthCheck("runner", True, "this process follows the store")
    lease = orderwright.lease()
    try:
        is_free = lease.acquire()
        lease.release()
    except (OSError, psycopg.Error) as error:
        log.warning("the runner's lease cannot be asked for", error=str(error))
        return HealthCheck("runner", False, "who follows the store cannot be told")
    if is_free:
        return HealthCheck("runner", False, "no process follows the store")
    return HealthCheck("runner", True, "another process follows the store")
