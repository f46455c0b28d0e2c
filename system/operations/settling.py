"""Wait until a store is at rest, whoever follows it."""

import time
from collections.abc import Callable

from system.bootstrap import Orderwright
from system.runner.feed import STORE_FAULTS
from system.runner.service import RunnerService

from .positions import is_settled, positions

LOOK_EVERY_SECONDS = 0.1
TELL_EVERY_SECONDS = 0.5


def settle(
    orderwright: Orderwright,
    service: RunnerService,
    *,
    timeout: float | None = None,
    progress: Callable[[], object] = lambda: None,
) -> bool:
    """Wait until every follower is level and no payment call is due; False when time is up.

    `progress` is called about twice a second meanwhile.
    """
    began = told = time.monotonic()
    while not _is_at_rest(orderwright, service):
        now = time.monotonic()
        if timeout is not None and now - began > timeout:
            return False
        if now - told > TELL_EVERY_SECONDS:
            told = now
            progress()
        time.sleep(LOOK_EVERY_SECONDS)
    return True


def backlog(orderwright: Orderwright, service: RunnerService) -> int:
    """How many events the followers have still to read, in all."""
    runner = service.runner
    if runner is not None:
        return runner.backlog()
    return sum(max(position.lag, 0) for position in positions(orderwright))


def _is_at_rest(orderwright: Orderwright, service: RunnerService) -> bool:
    runner = service.runner
    try:
        return runner.is_settled() if runner is not None else is_settled(orderwright)
    except STORE_FAULTS:
        return False  # the followers pause and come back, and so does this
