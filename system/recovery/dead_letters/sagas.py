"""Sagas whose undoing failed for good."""

from collections.abc import Iterable
from uuid import UUID

from application.base import CommandContext
from domain.fulfilment import Fulfilment
from system.bootstrap import Orderwright
from system.projections.saga_log.follower import FailedCompensation
from system.recovery.interventions import retry_fulfilment

from .cases import Case, Kind, no_such_case

PREFIX = "saga:"


def saga_cases(orderwright: Orderwright) -> Iterable[Case]:
    """Every saga with a step that could not be undone, from the saga log."""
    return [_case(failed) for failed in orderwright.saga_log.failed_compensations()]


def saga_case(orderwright: Orderwright, case_id: str) -> Case:
    """The saga behind a case id, while it waits. Raises `CaseNotFound`."""
    order_id, _, step = case_id.removeprefix(PREFIX).partition(":")
    if not order_id.isprintable():  # not every store could even be asked for it
        raise no_such_case(case_id)
    for failed in orderwright.saga_log.failed_compensations(order_id):
        if failed.step == step:
            return _case(failed)
    raise no_such_case(case_id)


def retry_saga(orderwright: Orderwright, order_id: UUID, context: CommandContext, reason: str | None) -> None:
    """Have the saga of an order try again to undo what it could not undo."""
    retry_fulfilment(orderwright, order_id, context, reason or "retried at the dead-letter desk")


def _case(failed: FailedCompensation) -> Case:
    return Case(
        case_id=f"{PREFIX}{failed.order_id}:{failed.step}",
        kind=Kind.SAGA,
        where=failed.step,
        what=Fulfilment.CompensationFailed.TOPIC,
        sequence=failed.order_id,
        error=failed.error,
        attempts=failed.attempts,
        first_at=failed.first_at,
        last_at=failed.last_at,
    )
