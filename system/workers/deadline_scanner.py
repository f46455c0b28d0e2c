"""Finds steps that take longer than they are allowed to, and tells their fulfilments.

No time of day decides that. The machine that asked for a step may have had its clock wrong, this one
may have it wrong now, and both may be put right at any moment. A step is overdue when this process has
watched for as long as the step may take that it was not done. A process that takes over begins to watch
anew, so work that was merely waiting for a runner gets its chance first. Only of a step that may take
many hours, longer than processes are sure to live, the deadline that it was given counts as well.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from application.base import CommandContext
from domain.fulfilment import STEP
from domain.shared.errors import DomainError
from system.concurrency.background import LONGEST_PAUSE, BackgroundLoop
from system.persistence.faults import STORE_FAULTS
from system.processes.order_fulfilment import OrderFulfilment
from system.projections.saga_log.follower import SagaLog
from system.projections.saga_log.overdue import ALLOWED
from system.projections.saga_log.queries import AwaitedStep

WATCHED_AT_ONCE = 10_000
"""So many awaited steps are watched; of more, those with the earliest deadlines."""

LONG_ENOUGH = timedelta(hours=1)
"""Having watched for so long is enough for a step whose deadline has passed."""

LOOK_EVERY_SECONDS = 5.0
LOOK_AT_LEAST_EVERY_SECONDS = 60.0
"""So often where nothing is awaited, and nothing was heard of the saga log."""

log = structlog.get_logger()


class DeadlineScanner(BackgroundLoop):
    """Watches the steps that are awaited in the saga log, all the time."""

    faults = STORE_FAULTS
    first_pause = LONGEST_PAUSE
    pausing = "the watch over deadlines pauses"
    failed = "looking for deadlines failed"

    def __init__(
        self,
        saga_log: SagaLog,
        fulfilments: OrderFulfilment,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("deadlines")
        self._saga_log = saga_log
        self._fulfilments = fulfilments
        self._clock = clock
        self._monotonic = monotonic
        self._watched_since: dict[AwaitedStep, float] = {}

    def step(self) -> int:
        """Tell the fulfilments of steps that are overdue by now; how many there were."""
        now, watched = self._clock(), self._monotonic()
        awaited = self._saga_log.awaited_steps(WATCHED_AT_ONCE)
        self._watched_since = {step: self._watched_since.get(step, watched) for step in awaited}
        told = 0
        for step, since in self._watched_since.items():
            if _is_overdue(step, timedelta(seconds=watched - since), now):
                self._tell(step, now)
                told += 1
        return told

    def _tell(self, awaited: AwaitedStep, now: datetime) -> None:
        order_id, due_at = UUID(awaited.order_id), datetime.fromisoformat(awaited.due_at)
        context = CommandContext(f"deadline:{order_id}:{awaited.step}", now)
        try:
            self._fulfilments.decide(
                lambda: self._fulfilments.of_order(order_id),
                lambda fulfilment: fulfilment.step_overdue(awaited.step, due_at),
                context.cause(order_id),
            )
        except (DomainError, LookupError) as error:  # it is looked at again
            log.warning("a deadline could not be recorded", order_id=str(order_id), error=str(error))

    def work(self) -> None:
        """Look, and rest: the follower rings at every page, but what is overdue can wait for some seconds."""
        self.step()
        if not self._watched_since:
            self.rest(LOOK_AT_LEAST_EVERY_SECONDS)
        self.pulse.rest(lambda: self.wakeup.sleep(LOOK_EVERY_SECONDS))

    def back_off(self, error: Exception, seconds: float) -> None:  # noqa: ARG002 - it waits the same after any
        """See `BackgroundLoop.back_off`. A page more of the saga log is no reason to try again."""
        self.pulse.fails()
        self.wakeup.sleep(seconds)


def _is_overdue(step: AwaitedStep, watched: timedelta, now: datetime) -> bool:
    allowed = ALLOWED.get((step.step, step.status or ""), STEP[step.step].undo_allowed)
    if watched >= min(allowed, LONG_ENOUGH):
        return watched >= allowed or now >= datetime.fromisoformat(step.due_at)
    return False
