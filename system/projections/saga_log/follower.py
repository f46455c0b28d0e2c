"""The saga log as it is written."""

from typing import Any

from eventsourcing.dispatch import singledispatchmethod

from domain.fulfilment import Fulfilment
from domain.fulfilment.categories import FACTS, IN_LOG, MOVES_SAGA
from domain.fulfilment.events import StepEvent, StepRequest
from system.followers.follower import reacts_to
from system.followers.unit_of_work import UnitOfWork

from .entries import log_entry, saga_status
from .queries import SagaLogQueries
from .tables import DEADLINES, FULFILMENTS, LOG


class SagaLog(SagaLogQueries):
    """Follows the fulfilments: what moves a saga, and what is an entry in its log."""

    name = "SagaLog"
    tables = (FULFILMENTS, LOG, DEADLINES)
    ignored = FACTS - MOVES_SAGA - IN_LOG

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Fulfilment.Started, work: UnitOfWork) -> None:
        work.put(
            FULFILMENTS,
            order_id=str(event.order_id),
            status=saga_status(event),
            reason=None,
            started_at=event.timestamp,
            updated_at=event.timestamp,
        )

    @react.register
    def _(self, event: Fulfilment.UnwindingStarted, work: UnitOfWork) -> None:
        self._write_status(event, work)
        work.change(FULFILMENTS, order_id=str(event.order_id), reason=event.reason)

    @reacts_to(react, MOVES_SAGA - IN_LOG - {Fulfilment.Started, Fulfilment.UnwindingStarted})
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._write_status(event, work)

    @reacts_to(react, IN_LOG)
    def _(self, event: StepEvent, work: UnitOfWork) -> None:
        self._write_status(event, work)
        entry = log_entry(event)
        if entry is not None:
            work.put(
                LOG,
                order_id=str(event.order_id),
                entry=event.originator_version,
                step=entry.step,
                status=entry.status,
                attempt=entry.attempt,
                at=entry.at,
                error=entry.error,
                next_at=entry.next_at,
            )
        if isinstance(event, StepRequest):
            self._await(event, work)
        elif event.means.ends_waiting:
            work.remove(DEADLINES, order_id=str(event.order_id), step=event.step)

    def _await(self, event: StepRequest, work: UnitOfWork) -> None:
        key = {"order_id": str(event.order_id), "step": event.step}
        if event.due_at is None:  # of an early release
            work.remove(DEADLINES, **key)
        else:
            work.put(DEADLINES, **key, due_at=event.due_at, status=str(event.means.step))

    def _write_status(self, event: Any, work: UnitOfWork) -> None:
        status = saga_status(event)
        if status is not None:
            order_id, at = str(event.order_id), event.timestamp
            work.change(FULFILMENTS, order_id=order_id, status=status, updated_at=at)
