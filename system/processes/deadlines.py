"""Finds steps that take longer than they are allowed to, and tells their fulfilments.

A deadline counts from the time of the event that asked for the step, which after an outage may be
long ago. So a step is overdue only when somebody has watched it for a while after its deadline:
work that was merely waiting for a runner gets its chance first.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from application.base import CommandContext
from domain.fulfilment import STEP
from domain.shared.errors import DomainError
from system.processes.order_fulfilment import OrderFulfilment
from system.projections.saga_log import PassedDeadline, SagaLog
from system.runner.feed import STORE_FAULTS
from system.runner.loop import LONGEST_PAUSE, Wakeup
from system.runner.pulse import Pulse

PAGE = 500
LOOK_EVERY_SECONDS = 1.0
LONGEST_GRACE = timedelta(seconds=60)

log = structlog.get_logger()


class DeadlineScanner:
    """Looks for passed deadlines in the saga log, all the time."""

    def __init__(
        self,
        saga_log: SagaLog,
        fulfilments: OrderFulfilment,
        clock: Callable[[], datetime],
        grace: timedelta = LONGEST_GRACE,
    ) -> None:
        self.wakeup = Wakeup()
        self.pulse = Pulse()
        self._saga_log = saga_log
        self._fulfilments = fulfilments
        self._clock = clock
        self._grace = grace
        self._seen: dict[PassedDeadline, datetime] = {}
        self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        """Whether it has begun and not ended."""
        return self._thread.is_alive()

    def is_busy(self) -> bool:
        """Never: a deadline that has not passed is nothing to do."""
        return False

    def step(self) -> int:
        """Tell the fulfilments of steps that are overdue by now; how many there were."""
        now = self._clock()
        passed = self._saga_log.passed_deadlines(now, PAGE)
        self._seen = {deadline: self._seen.get(deadline, now) for deadline in passed}
        told = 0
        for deadline, first_seen in self._seen.items():
            if now - first_seen >= min(self._grace, STEP[deadline.step].allowed):
                self._tell(deadline, now)
                told += 1
        return told

    def _tell(self, deadline: PassedDeadline, now: datetime) -> None:
        context = CommandContext(f"deadline:{deadline.order_id}:{deadline.step}", now)
        try:
            self._fulfilments.decide(
                lambda: self._fulfilments.of_order(deadline.order_id),
                lambda fulfilment: fulfilment.step_overdue(deadline.step, now),
                context.cause(deadline.order_id),
            )
        except (DomainError, LookupError) as error:  # it is looked at again
            log.warning("a deadline could not be noted", order_id=str(deadline.order_id), error=str(error))

    def _run(self) -> None:
        self.pulse.belongs_here()
        while not self.wakeup.is_stopping:
            try:
                if not self.wakeup.is_held:
                    self.step()
                self.pulse.rest(lambda: self._wait(LOOK_EVERY_SECONDS))
            except STORE_FAULTS:
                self._pause()
            except Exception:
                log.exception("looking for deadlines failed")
                self._pause()

    def _pause(self) -> None:
        self.pulse.fails()
        self._wait(LONGEST_PAUSE)

    def _wait(self, seconds: float) -> None:
        # Its follower rings at every page; what is overdue can wait for a second all the same.
        look_again = time.monotonic() + seconds
        while (left := look_again - time.monotonic()) > 0 and not self.wakeup.is_stopping:
            self.wakeup.clear()
            self.wakeup.wait(left)
