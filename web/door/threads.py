"""Threads that do one piece of work after the other."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

import structlog

log = structlog.get_logger()

Work = Callable[[], object]


class Threads:
    """So many threads with one queue. They end with the process, whatever they are doing."""

    def __init__(self, count: int, name: str) -> None:
        self.do: Callable[[Work], None]
        """Have a thread do this, as soon as one is free."""
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self.do = self._queue.put
        self._count = count
        for number in range(count):
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True).start()

    def stop(self) -> None:
        """Let each thread end when it has done what is queued. Returns at once."""
        for _ in range(self._count):
            self._queue.put(None)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except Exception:  # the thread is needed for what comes next
                log.exception("a request could not be answered")
