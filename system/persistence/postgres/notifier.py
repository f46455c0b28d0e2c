"""Tells other processes that something was appended, outside of the transaction that did it.

A NOTIFY inside the append would take a lock that all notifying transactions of the whole server
share, and hold it through the flush. Sent afterwards by a thread of its own, many appends share
one. What the store does not take is tried again. What is lost with the process, followers find
when they look by themselves, a few seconds later.
"""

import threading
import time
from collections.abc import Callable, Collection

from eventsourcing.persistence import PersistenceError

LEAST_SECONDS_BETWEEN = 0.002
SECONDS_BEFORE_ANOTHER_TRY = 0.5


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
            try:
                self._send(channels)
                time.sleep(LEAST_SECONDS_BETWEEN)
            except PersistenceError:  # the store is away, or no connection is free
                self._keep_for_later(channels)

    def _keep_for_later(self, channels: set[str]) -> None:
        with self._changed:
            if not self._is_stopping:
                self._channels |= channels
                self._changed.wait(SECONDS_BEFORE_ANOTHER_TRY)
