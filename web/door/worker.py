"""The worker process: gunicorn starts, watches and ends it; the door serves in it."""

import os
import signal
import time
from types import FrameType

from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from .door import Door
from .limits import Limits
from .threads import Threads

LOOK_EVERY_SECONDS = 1.0
"""How often the master is told that this worker lives, while nothing happens."""

RESERVED = {"/livez": 1, "/readyz": 2}
"""Paths that have threads of their own: whoever watches the process has to be answered."""


class DoorWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """A worker that begins to stop its followers as soon as it is told to end."""

    def run(self) -> None:
        """See `Worker`."""
        door = Door(
            self.sockets,
            self.wsgi,
            self.cfg,
            Limits(self.app.most_body_bytes, idle_seconds=self.cfg.keepalive),
            Threads(self.cfg.threads, "request"),
            {path: Threads(count, path) for path, count in RESERVED.items()},
        )
        signal.set_wakeup_fd(door.wake_descriptor, warn_on_full_buffer=False)
        while self.alive and self.ppid == os.getppid():
            self.notify()
            door.turn(LOOK_EVERY_SECONDS)
        door.begin_stop()
        until = time.monotonic() + self.cfg.graceful_timeout
        while not door.is_empty and (remaining := until - time.monotonic()) > 0:
            self.notify()
            door.turn(min(LOOK_EVERY_SECONDS, remaining))
        signal.set_wakeup_fd(-1)
        door.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See `Worker`."""
        super().handle_exit(sig, frame)
        self.app.begin_stop()
