"""All followers of a store for one process, for as long as it has to work alone."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog

from domain.shared.errors import Contradiction

from .lease import Leases, LeasesUnavailable

RENEW_EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 5.0
"""So long it is tried to get them all: those of a process that was killed run out within this time."""

log = structlog.get_logger()


class FollowedElsewhere(Contradiction):
    """Another process follows what only one may follow now. What was recorded is kept."""

    code = "followed_elsewhere"


class Alone:
    """Whether this process still is the only one that follows."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def check(self) -> None:
        """Raise `FollowedElsewhere` when it is not."""
        if not self._leases.wanted <= self._leases.standing():
            raise FollowedElsewhere(_told(self._owners()))

    def _owners(self) -> Mapping[str, str | None]:
        try:
            return self._leases.owners()
        except LeasesUnavailable:
            return {}


@contextmanager
def alone(leases: Leases) -> Iterator[Alone]:
    """Own every follower that these leases want, and keep them. Raises `FollowedElsewhere` after five
    seconds in vain, and `LeasesUnavailable`."""
    mine = Alone(leases)
    stopping = threading.Event()
    keeper = threading.Thread(target=_keep, args=(leases, stopping), name="leases", daemon=True)
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while not leases.wanted <= leases.renew(()) and time.monotonic() < deadline:
            time.sleep(RENEW_EVERY_SECONDS)
        mine.check()
        keeper.start()
        yield mine
    finally:
        stopping.set()
        if keeper.is_alive():
            keeper.join()
        try:
            leases.release()
        except LeasesUnavailable as error:  # then they run out
            log.warning("the leases could not be given back", error=str(error))


def _keep(leases: Leases, stopping: threading.Event) -> None:
    while not stopping.wait(RENEW_EVERY_SECONDS):
        try:
            leases.renew(leases.wanted)
        except LeasesUnavailable as error:
            log.warning("the leases cannot be renewed", error=str(error))


def _told(owners: Mapping[str, str | None]) -> str:
    others = ", ".join(sorted({owner for owner in owners.values() if owner is not None}))
    who = f" ({others})" if others else ""
    return f"another process{who} follows this store; stop it, and run the same command again"
