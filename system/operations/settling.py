"""Waits until a store is settled, whichever process runs its followers."""

import time
from collections.abc import Callable

from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.persistence.faults import STORE_FAULTS
from system.runner.service import RunnerService

from .lag import events_to_handle, lags
from .positions import is_settled

LOOK_EVERY_SECONDS = 0.1
TELL_EVERY_SECONDS = 0.5


def settle(
    orderwright: Orderwright,
    service: RunnerService,
    *,
    timeout: float | None = None,
    progress: Callable[[], object] = lambda: None,
) -> bool:
    """Wait until every follower is up to date and no payment call is due; False when time is up.

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
    """How many events the followers have still to handle, in all."""
    if _follows_everything(service):
        return service.runner.backlog()
    return events_to_handle(lags(orderwright))


def _is_at_rest(orderwright: Orderwright, service: RunnerService) -> bool:
    try:
        if not _follows_everything(service):
            return is_settled(orderwright)
        # Asked again: what was handed over meanwhile was perhaps not looked at.
        return service.runner.is_settled() and _follows_everything(service)
    except STORE_FAULTS:
        return False  # the followers pause and come back, and so does this


def _follows_everything(service: RunnerService) -> bool:
    return service.owned == frozenset(definition.followers)
