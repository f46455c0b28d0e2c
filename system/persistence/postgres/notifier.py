"""Tells other processes that something was appended, outside of the transaction that did it.

A NOTIFY inside the append would take a lock that all notifying transactions of the whole server
share, and hold it through the flush. Sent afterwards by a thread of its own, many appends share
one. When it is lost with the process, followers still find the events at their next poll.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection

from eventsourcing.persistence import PersistenceError

LEAST_SECONDS_BETWEEN = 0.002


class Notifier:
    """Sends what it is told to, soon, together with whatever else it is told meanwhile."""

    def __init__(self, send: Callable[[Collection[str]], object]) -> None:
        self._send = send
        self._channels: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    def notify(self, channel: str) -> None:
        """Have the listeners of a channel woken."""
        with self._changed:
            self._channels.add(channel)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """Send what is still to be sent, and end."""
        with self._changed:
            self._is_stopping = True
            thread = self._thread
            self._changed.notify()
        if thread is not None:
            thread.join(timeout=2)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._channels:
                    if self._is_stopping:
                        return
                    self._changed.wait()
                channels, self._channels = self._channels, set()
            with contextlib.suppress(PersistenceError):  # the store is away; nobody could listen either
                self._send(channels)
            time.sleep(LEAST_SECONDS_BETWEEN)
