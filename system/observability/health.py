"""Is this process ready for work: would a command now be taken? The answer names each check, and
nothing that should stay inside. It comes in about a second, whatever the store does."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import structlog
from eventsourcing.domain import EventSourcingError

from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.leases.lease import LeasesUnavailable
from system.observability.agreement import log_agreement
from system.operations.stuck import StuckReport, find_stuck, owners_of
from system.persistence.full_disk import is_full
from system.persistence.postgres.probing import NoConnection
from system.runner.service import RunnerService

from .asking import Known, Question
from .recent import RecentCommands

LOOK_KEPT_SECONDS = 1.0
PATIENCE_SECONDS = 1.0
STUCK_PATIENCE_SECONDS = 5.0
SLOW_SECONDS = 5.0
"""A trial write that took longer is as good as none."""

OWNERS_KEPT_SECONDS = 10.0
"""So long it is believed who followed the store, while it is too busy to tell."""

REFUSED = "commands are not taken at present"

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


@dataclass(frozen=True)
class _Trial:
    """What came of a trial write. `fault` is None when the store took it, and is not `certain` when it
    could not even be tried."""

    fault: str | None
    certain: bool = True


Owners = Mapping[str, str | None]


class Health:
    """The health of a process: what it looks at is looked at in the background, when somebody asks,
    about once a second at most."""

    def __init__(self, orderwright: Orderwright, service: RunnerService | None) -> None:
        self._orderwright = orderwright
        self._service = service
        self.commands = RecentCommands()
        self._trial = Question(self._try, kept_seconds=LOOK_KEPT_SECONDS, patience=PATIENCE_SECONDS)
        self._owners = Question(self._look_for_owners, kept_seconds=0, patience=PATIENCE_SECONDS)
        self._agreement = Question(
            lambda: log_agreement(orderwright), kept_seconds=LOOK_KEPT_SECONDS, patience=PATIENCE_SECONDS
        )
        self._stuck = Question(self._look_for_stuck, kept_seconds=0, patience=STUCK_PATIENCE_SECONDS)

    def readiness(self) -> Readiness:
        """Whether a command would be taken and followed now."""
        checks = tuple(self._checks())
        return Readiness("ready" if all(check.ok for check in checks) else "not_ready", checks)

    def stuck(self) -> StuckReport | None:
        """What stands still, or None when the store does not tell. It makes no process less ready:
        none would do better."""
        known = self._stuck.known()
        return known.last.answer if known.last is not None and known.waiting_since is None else None

    def _checks(self) -> Iterator[HealthCheck]:
        self._owners.begin()
        self._agreement.begin()
        fault = self._fault(self._trial.known())
        yield HealthCheck("store", fault is None, fault or "takes commands")
        if fault is None:
            yield _runner(self._owners.known())
            yield _logs(self._agreement.known())
        if self._service is not None and fault is None:
            yield _followers(self._service)

    def _fault(self, known: Known[_Trial]) -> str | None:
        """Why a command would not be taken. Commands that are taken and not taken count for more than
        a trial that could not be made, or is still under way."""
        if self.commands.are_refused():
            return REFUSED
        if known.waiting_since is not None and not self.commands.taken_since(known.waiting_since):
            waited = math.floor(time.monotonic() - known.waiting_since)
            return f"a trial write has not come back for {max(1, waited)} seconds"
        last = known.last
        if last is None:
            return None
        took = last.told_at - last.asked_at
        if took > SLOW_SECONDS and not self.commands.taken_since(last.asked_at):
            # A database ends a wait for its standby with a warning, once it takes too long.
            return f"a trial write took {math.floor(took)} seconds"
        if last.answer.fault is None:
            return None
        if not last.answer.certain and self.commands.taken_since(last.asked_at):
            return None
        return last.answer.fault

    # In the background

    def _try(self) -> _Trial:
        for name in definition.leaders:
            try:
                self._orderwright.applications[name].recorder.try_to_write()
            except NoConnection as error:
                log.warning("no connection is free for a trial write", application=name, error=str(error))
                return _Trial(f"no connection to the store of {name} is free", certain=False)
            except EventSourcingError as error:
                log.warning("the store does not take a trial write", application=name, error=str(error))
                if is_full(error):
                    return _Trial(f"the disk of the store of {name} is full")
                return _Trial(f"the store of {name} does not answer")
            except Exception:
                log.exception("the store could not be looked at", application=name)
                return _Trial(f"the store of {name} does not answer")
        return _Trial(None)

    def _look_for_owners(self) -> Owners | None:
        try:
            return owners_of(self._orderwright, self._service)
        except LeasesUnavailable as error:
            log.warning("which process runs which follower is not known", error=str(error))
            return None

    def _look_for_stuck(self) -> StuckReport | None:
        try:
            return find_stuck(self._orderwright, owners_of(self._orderwright, self._service))
        except EventSourcingError as error:
            log.warning("what is stuck is not known", error=str(error))
            return None


def _followers(service: RunnerService) -> HealthCheck:
    faults = sorted(service.faults())  # why is in the log: it may name hosts and files
    found = f"pausing or hanging: {', '.join(faults)}" if faults else "none is pausing or hanging"
    damaged = sorted(service.damaged_lots())  # which stops no other work, so it is no less ready
    if damaged:
        found += f"; the parking lot of {', '.join(damaged)} cannot be read, see orderwright doctor"
    return HealthCheck("followers", not faults, found)


def _logs(known: Known[tuple[bool, str]]) -> HealthCheck:
    if known.last is None or known.waiting_since is not None:
        return HealthCheck("logs", False, "the store does not tell whether logs and followers agree")
    return HealthCheck("logs", *known.last.answer)


def _runner(known: Known[Owners | None]) -> HealthCheck:
    last = known.last
    is_old = last is not None and time.monotonic() - last.told_at > OWNERS_KEPT_SECONDS
    owners = None if last is None or is_old else last.answer
    if owners is None:
        return HealthCheck("runner", False, "which process runs which follower is not known")
    nobody = [name for name, owner in owners.items() if owner is None]
    if nobody:
        return HealthCheck("runner", False, f"no process runs {', '.join(nobody)}")
    return HealthCheck("runner", True, "every follower is run by a process")
