"""Runs the followers while this process holds the store's lease, and waits for the lease otherwise."""

import threading
from typing import Protocol

import psycopg
import structlog

from .lease import Lease
from .runner import Runner

LOOK_EVERY_SECONDS = 1.0

log = structlog.get_logger()


class Runnable(Protocol):
    """What a service runs: something that makes runners and knows the lease they need."""

    def runner(self) -> Runner:
        """A new runner."""
        ...

    def lease(self) -> Lease:
        """The store's lease."""
        ...


class RunnerService:
    """At most one process follows a store; when it dies, another that is waiting takes over."""

    def __init__(self, orderwright: Runnable) -> None:
        self._orderwright = orderwright
        self._lease = orderwright.lease()
        self._stopping = threading.Event()
        self._first_look = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-service", daemon=True)
        self.runner: Runner | None = None
        """The runner, while this process holds the lease."""

    def start(self) -> None:
        """Take the lease if it is free, and follow; else keep looking. Returns after the first look."""
        self._thread.start()
        self._first_look.wait(timeout=10)

    def stop(self) -> None:
        """Stop following, within five seconds, and give the lease back."""
        self._stopping.set()
        self._thread.join(timeout=10)

    @property
    def is_running(self) -> bool:
        """Whether this process follows the store."""
        return self.runner is not None

    def faults(self) -> dict[str, str]:
        """The followers of this process that are pausing, and why."""
        runner = self.runner
        if runner is None:
            return {}
        return {name: loop.fault for name, loop in runner.loops.items() if loop.fault is not None}

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._look()
                except Exception:  # whatever it is, the next look may succeed
                    log.exception("the runner could not be started or stopped")
                self._first_look.set()
                self._stopping.wait(LOOK_EVERY_SECONDS)
        finally:
            self._stop_runner()
            self._lease.release()

    def _look(self) -> None:
        try:
            is_ours = self._lease.acquire()
        except (OSError, psycopg.Error) as error:
            log.warning("the runner's lease cannot be asked for", error=str(error))
            is_ours = False
        if is_ours and self.runner is None:
            runner = self._orderwright.runner()
            runner.start()
            self.runner = runner
        elif not is_ours:
            self._stop_runner()

    def _stop_runner(self) -> None:
        runner, self.runner = self.runner, None
        if runner is not None:
            try:
                runner.stop()
            except Exception:  # the store may be away just now; whoever takes over reads its positions anew
                log.exception("the runner did not stop in order")
