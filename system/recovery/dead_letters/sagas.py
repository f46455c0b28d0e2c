"""Sagas whose undoing failed for good."""

from collections.abc import Iterable
from uuid import UUID

from domain.fulfilment import Fulfilment
from system.bootstrap import Orderwright
from system.followers.parked import Result
from system.projections.saga_log.queries import FailedCompensation
from system.recovery.interventions import retry_fulfilment

from .cases import Case, CaseDetails, no_such_case
from .dry_run import DryRun
from .source import ActionReport, CaseSource, Command, dealt_with, no_discard, no_dry_run

KIND = "saga"


class Sagas(CaseSource):
    """Every saga with a step that could not be undone, from the saga log."""

    kinds = (KIND,)
    namespaces = (KIND,)

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright

    def list(self) -> Iterable[Case]:
        """See `CaseSource.list`."""
        return [_case(failed) for failed in self._orderwright.saga_log.failed_compensations()]

    def find(self, case_id: str) -> CaseDetails:
        """See `CaseSource.find`."""
        _, _, rest = case_id.partition(":")
        order_id, _, step = rest.partition(":")
        if order_id.isprintable():  # else not every store could even be asked for it
            for failed in self._orderwright.saga_log.failed_compensations(order_id):
                if failed.step == step:
                    return CaseDetails(**vars(_case(failed)))
        raise no_such_case(case_id)

    def can_be_retried(self, case: Case) -> bool:  # noqa: ARG002 - it holds for each of them
        """See `CaseSource.can_be_retried`."""
        return True

    def retry(
        self,
        case_id: str,
        command: Command,
        *,
        sequence: bool,  # noqa: ARG002 - nothing waits behind a saga
        listed: Case | None = None,
    ) -> ActionReport:
        """Have it try again to undo what it could not undo. See `CaseSource.retry`."""
        case = listed or self.find(case_id)
        reason = command.reason or "retried at the dead-letter desk"
        retry_fulfilment(self._orderwright, UUID(case.sequence), command.context, reason)
        return dealt_with(case, Result.RETRIED)

    def discard(self, case_id: str, command: Command) -> ActionReport:  # noqa: ARG002 - it is refused
        """See `CaseSource.discard`."""
        raise no_discard(self.find(case_id))

    def dry_run(self, case_id: str, *, sequence: bool) -> DryRun:  # noqa: ARG002 - as above
        """See `CaseSource.dry_run`."""
        raise no_dry_run(self.find(case_id))


def _case(failed: FailedCompensation) -> Case:
    return Case(
        case_id=f"{KIND}:{failed.order_id}:{failed.step}",
        kind=KIND,
        where=failed.step,
        what=Fulfilment.CompensationFailed.TOPIC,
        sequence=failed.order_id,
        error=failed.error,
        attempts=failed.attempts,
        first_at=failed.first_at,
        last_at=failed.last_at,
    )
