"""Runs the followers that this process owns, and keeps asking which ones those are."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from system.leases.lease import Leases, LeasesUnavailable

from .runner import Runner

RENEW_EVERY_SECONDS = 0.5
LOOK_EVERY_SECONDS = 0.02
"""How often to look whether followers that were told to stop have done so."""

DRAIN_WITHIN_SECONDS = 4.0

log = structlog.get_logger()


class Runnable(Protocol):
    """What a service runs: something that makes runners and knows the leases they need."""

    def runner(self) -> Runner:
        """A new runner."""
        ...

    def leases(self) -> Leases:
        """The leases of a runner that wants to follow everything."""
        ...


def log_change(owned: frozenset[str]) -> None:
    """Log which followers this process runs from now on."""
    if owned:
        log.info("this process follows", followers=sorted(owned))
    else:
        log.info("this process follows nothing")


class RunnerService:
    """Each follower has one owner among all processes; when one dies, others take over.

    The leases are renewed by a thread that does nothing else, so that a long page loses none. But only
    those of followers that move: one that hangs is told to stop, and its lease given up at once.
    """

    def __init__(
        self,
        orderwright: Runnable,
        leases: Leases | None = None,
        on_change: Callable[[frozenset[str]], object] = lambda _: None,
    ) -> None:
        """`on_change` is told the followers that this process runs, each time they change."""
        self.leases = leases if leases is not None else orderwright.leases()
        self.runner = orderwright.runner()
        self.owned: frozenset[str] = frozenset()
        """The followers that this process runs at present."""
        self._hanging: frozenset[str] = frozenset()
        self._on_change = on_change
        self._is_away = False
        self._stopping = threading.Event()
        self._first_look = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-service", daemon=True)

    def start(self) -> None:
        """Follow what is free, up to a fair share, and keep looking. Returns after the first look."""
        self._thread.start()
        self._first_look.wait(timeout=10)

    def stop(self) -> None:
        """Finish the pages in hand, within five seconds, and give the leases back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def is_running(self) -> bool:
        """Whether this process follows anything."""
        return bool(self.owned)

    def faults(self) -> dict[str, str]:
        """The followers of this process that are pausing or do not move, and why."""
        pausing = {name: loop.fault for name, loop in self.runner.loops.items() if loop.fault is not None}
        still = self.runner.still()
        return pausing | {name: f"has not moved for {still[name]:.0f} seconds" for name in still}

    def damaged_lots(self) -> frozenset[str]:
        """The followers of this process whose parking lot could not be read in full when last looked at."""
        loops = self.runner.loops.items()
        return frozenset(
            name
            for name, loop in loops
            if any(subscription.lot_is_damaged for subscription in loop.subscriptions)
        )

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._look()
                except Exception:  # whatever it is, the next look may succeed
                    log.exception("followers could not be started or stopped")
                self._first_look.set()
                self._wait()
        finally:
            self._leave()

    def _wait(self) -> None:
        """Until the next renewal, which is due sooner when a follower has stopped meanwhile: somebody
        may be waiting for it."""
        next_renewal = time.monotonic() + RENEW_EVERY_SECONDS
        running = self.runner.running()
        while running == self.runner.running() and (remaining := next_renewal - time.monotonic()) > 0:
            if self._stopping.wait(remaining if running == self.owned else LOOK_EVERY_SECONDS):
                return

    def _look(self) -> None:
        self._feel()
        try:
            owned = self.leases.renew(self.runner.running(), self._hanging)
            self._is_away = False
        except LeasesUnavailable as error:
            if not self._is_away:
                log.warning("the leases cannot be renewed", error=str(error))
            self._is_away = True
            owned = self.owned & self.leases.standing()
        self._follow(owned - self._hanging)

    def _feel(self) -> None:
        """Find the followers that do not move. That another process begins with one before it has
        stopped here does no harm: of two, only one can move its position."""
        still = self.runner.still()
        for name in set(still) - self._hanging:
            log.warning("a follower hangs: its lease is given up", follower=name, seconds=round(still[name]))
        self._hanging = frozenset(still)

    def _follow(self, names: frozenset[str]) -> None:
        if names != self.owned:
            self._on_change(names)
        self.owned = names
        self.runner.follow(names)

    def _leave(self) -> None:
        try:
            self._follow(frozenset())
            self._drain()
            self.runner.stop(within=0)
        except Exception:  # the store may be away just now; whoever takes over reads its positions anew
            log.exception("the runner failed while it was stopping")
        self._release()

    def _drain(self) -> None:
        """Wait until the followers have stopped; each is given back as soon as it has."""
        deadline = time.monotonic() + DRAIN_WITHIN_SECONDS
        running, next_release = self.runner.running(), 0.0
        while running and time.monotonic() < deadline:
            before, running = running, self.runner.running()
            if running and not self._is_away and (running != before or time.monotonic() > next_release):
                next_release = time.monotonic() + RENEW_EVERY_SECONDS
                self._release()
            time.sleep(LOOK_EVERY_SECONDS)

    def _release(self) -> None:
        try:
            self.leases.release(self.runner.running() - self._hanging)
        except LeasesUnavailable as error:  # then they run out
            log.warning("the leases could not be given back", error=str(error))
