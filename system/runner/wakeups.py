"""Listens for what other processes record, on PostgreSQL: it wakes the followers within milliseconds.

The recorders notify a channel that is named like the table they append to. A notification that is
missed costs little, since the followers also look by themselves.
"""

import select
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
import structlog
from psycopg import Connection, sql
from psycopg.rows import TupleRow

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
PROBE_AFTER_SECONDS = 10
"""A connection over which nothing came for so long is asked by the system whether it still is one."""

log = structlog.get_logger()


class WakeupListener(threading.Thread):
    """Rings for every leader that has recorded something in one database, over a connection of its own."""

    def __init__(
        self, parameters: Mapping[str, Any], leaders: Mapping[str, str], ring: Callable[[str], object]
    ) -> None:
        """`leaders` are by the channel that tells about them."""
        super().__init__(name="wakeups", daemon=True)
        self._parameters = {
            **parameters,
            "autocommit": True,
            "keepalives_idle": PROBE_AFTER_SECONDS,
            "keepalives_interval": 2,
            "keepalives_count": 3,
        }
        self._leaders = leaders
        self._ring = ring
        self._is_stopping = False

    def start(self) -> None:
        """Begin to listen."""
        self._stop_reader, self._stop_writer = socket.socketpair()
        super().start()

    def run(self) -> None:
        """Listen until stopped; while the database is away, try again and again."""
        pause = FIRST_PAUSE
        with self._stop_reader:
            while not self._is_stopping:
                try:
                    with psycopg.connect(**self._parameters) as connection:
                        self._subscribe(connection)
                        pause = FIRST_PAUSE
                        self._listen(connection)
                except (psycopg.Error, OSError) as error:
                    if pause == FIRST_PAUSE:
                        log.warning("wake-ups of other processes pause", error=str(error))
                    _wait([self._stop_reader.fileno()], pause)
                    pause = min(pause * 2, LONGEST_PAUSE)

    def stop(self) -> None:
        """End, within a second."""
        self._is_stopping = True
        self._stop_writer.close()
        self.join(timeout=1)

    def _subscribe(self, connection: Connection[TupleRow]) -> None:
        for channel in self._leaders:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        for leader in self._leaders.values():  # what was told before this was not heard
            self._ring(leader)

    def _listen(self, connection: Connection[TupleRow]) -> None:
        while not self._is_stopping:
            _wait([connection.fileno(), self._stop_reader.fileno()])
            channels = {notification.channel for notification in connection.notifies(timeout=0)}
            for channel in channels & set(self._leaders):
                self._ring(self._leaders[channel])


def _wait(descriptors: Sequence[int], seconds: float | None = None) -> None:
    """Until one of them has something to be read, or so long."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.poll(None if seconds is None else seconds * 1000)
