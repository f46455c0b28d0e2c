"""Listens for what other processes record, on PostgreSQL: it wakes the followers within milliseconds.

The recorders notify a channel that is named like the table they append to. While all is heard that a
follower has to hear, it looks by itself only every few seconds, for a notification that went missing:
that of a process which died right after its append, or over a connection that is broken and not known
to be. While the connection is away it looks as often as without any.
"""

import select
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from system.concurrency.background import BackgroundLoop
from system.persistence.postgres.answers import PoliteConnection

ASK_AFTER_SECONDS = 5.0
"""Where no news came for so long, the database is asked whether it is still there: a connection that the
network has forgotten looks the same as one over which there is nothing to tell."""


class ListeningConnection(PoliteConnection):
    """One that has to answer at once: it is asked nothing that takes time."""

    within = (4.0, 4.0, None)


class WakeupListener(BackgroundLoop):
    """Rings for every leader that has recorded something in one database, over a connection of its own."""

    faults = (psycopg.Error, OSError)
    pausing = "no wake-ups from other processes for now"
    failed = "listening for wake-ups of other processes failed"

    def __init__(
        self, parameters: Mapping[str, Any], leaders: Mapping[str, str], ring: Callable[[str], object]
    ) -> None:
        """`leaders` are by the channel that tells about them."""
        super().__init__("wakeups")
        self._parameters = {**parameters, "autocommit": True}
        self._leaders = leaders
        self._ring = ring
        self._is_listening = False

    def start(self) -> None:
        """Begin to listen."""
        self._stop_reader, self._stop_writer = socket.socketpair()
        super().start()

    def work(self) -> None:
        """Listen until stopped, or until the connection is lost."""
        with ListeningConnection.connect(**self._parameters) as connection:
            self._subscribe(connection)
            self.recovered()
            self._listen(connection)

    def _run(self) -> None:
        with self._stop_reader:
            super()._run()

    def back_off(self, error: Exception, seconds: float) -> None:
        """See `BackgroundLoop.back_off`."""
        self._deaf()
        super().back_off(error, seconds)

    def hears(self, leader: str) -> bool:
        """Whether it would ring now when a leader recorded something, as far as it knows: a connection
        that the network has forgotten is found out only after a while."""
        return self._is_listening and leader in self._leaders.values()

    def stop(self) -> None:
        """End, within a second."""
        super().stop()
        self._stop_writer.close()
        self.join(timeout=1)

    def _subscribe(self, connection: ListeningConnection) -> None:
        for channel in self._leaders:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        self._is_listening = True
        self._ring_all()  # what was told before this was not heard

    def _deaf(self) -> None:
        if self._is_listening:
            self._is_listening = False
            self._ring_all()  # from now on they have to look by themselves

    def _ring_all(self) -> None:
        for leader in self._leaders.values():
            self._ring(leader)

    def _listen(self, connection: ListeningConnection) -> None:
        while not self.wakeup.is_stopping:
            if not _wait([connection.fileno(), self._stop_reader.fileno()], ASK_AFTER_SECONDS):
                connection.execute("SELECT 1")
            channels = {notification.channel for notification in connection.notifies(timeout=0)}
            for channel in channels & set(self._leaders):
                self._ring(self._leaders[channel])


def _wait(descriptors: Sequence[int], seconds: float) -> bool:
    """Until one of them has something to be read, or so long; whether one has."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
