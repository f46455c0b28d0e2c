"""The loop that reads and writes for all connections, and gives whole requests to threads."""

import contextlib
import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from gunicorn.config import Config  # type: ignore[import-untyped]

from .answering import Application, answer_to
from .connection import Connection, State, send_now
from .limits import Limits
from .receiver import Received, Receiver, Stage
from .refusals import Refused, refusal
from .threads import Threads

LOOK_EVERY_SECONDS = 0.25
"""How often deadlines are looked at while there are connections."""

LARGE_BYTES = 256 * 1024
"""Whoever holds less is never the reason to look how much all hold."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = structlog.get_logger()


class Door:
    """Serves an application at some listening sockets. `turn` has to be called again and again.

    `reserved` names threads that answer one path alone, so that it is answered however busy the
    others are.
    """

    def __init__(
        self,
        listeners: Sequence[Any],
        application: Application,
        config: Config,
        limits: Limits,
        threads: Threads,
        reserved: Mapping[str, Threads],
    ) -> None:
        self._listeners = list(listeners)
        self._application = application
        self._config = config
        self._limits = limits
        self._threads = threads
        self._reserved = reserved
        self._connections: dict[Connection, None] = {}  # the oldest first
        self._answers: SimpleQueue[tuple[Connection, memoryview | None, bool]] = SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._is_stopping = False
        self._is_full = False
        self._is_woken = False
        self._next_look = 0.0
        self._wake_read, self.wake_descriptor = os.pipe()
        for descriptor in (self._wake_read, self.wake_descriptor):
            os.set_blocking(descriptor, False)
        self._selector.register(self._wake_read, _READ)
        for listener in self._listeners:
            listener.setblocking(False)
            self._selector.register(listener, _READ)

    @property
    def is_empty(self) -> bool:
        """Whether there is no connection."""
        return not self._connections

    def turn(self, patience: float) -> None:
        """Wait for something to happen, so many seconds at most, and do what is to be done."""
        patience = min(patience, LOOK_EVERY_SECONDS) if self._connections else patience
        for key, events in self._selector.select(patience):
            if isinstance(key.data, Connection):
                self._guarded(key.data, partial(self._serve_events, key.data, events))
            elif key.fd == self._wake_read:
                self._wake_up()
            else:
                self._accept(key.fileobj)
        self._take_answers()
        if (now := time.monotonic()) >= self._next_look:
            self._next_look = now + LOOK_EVERY_SECONDS
            self._close_overdue(now)

    def begin_stop(self) -> None:
        """Take no more connections; requests that are here or on their way are still answered."""
        self._is_stopping = True
        for listener in self._listeners:
            self._selector.unregister(listener)
        now, limits = time.monotonic(), self._limits
        for connection in self._connections:
            if connection.stage is not None:
                is_idle = connection.stage is Stage.NOTHING
                until = now + (limits.stop_idle_seconds if is_idle else limits.stop_unfinished_seconds)
                connection.deadline = min(until, connection.deadline or until)

    def close(self) -> None:
        """Close every connection."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        for threads in (self._threads, *self._reserved.values()):
            threads.stop()
        self._selector.close()

    # Connections

    def _accept(self, listener: Any) -> None:
        """One at a time, so that several workers get their share of those who come at once."""
        try:
            client_socket, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTORS and not self._make_room():
                time.sleep(LOOK_EVERY_SECONDS)  # all are being answered: some will be free then
            return
        if len(self._connections) >= self._limits.connections and not self._make_room():
            client_socket.close()
            return
        self._welcome(client_socket, client, listener.getsockname())

    def _welcome(self, client_socket: socket.socket, client: Any, server: Any) -> None:
        client_socket.setblocking(False)
        with contextlib.suppress(OSError):
            client_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(client_socket, client, server, self._new_receiver(client))
        self._connections[connection] = None
        self._guarded(connection, partial(self._await_more, connection))

    def _new_receiver(self, client: Any) -> Receiver:
        return Receiver(self._config, client, self._limits.body_bytes)

    def _make_room(self) -> bool:
        """Close those that have kept us waiting longest; whether there were any. Several at once, so
        that a flood of connections does not have us look for each of them."""
        if not self._is_full:
            self._is_full = True
            log.warning("too many connections: those that keep us waiting longest are closed")
        waiting = [one for one in self._connections if one.deadline is not None]
        waiting.sort(key=lambda one: one.deadline or 0.0)
        for connection in waiting[: 1 + self._limits.connections // 32]:
            self._close(connection)
        return bool(waiting)

    def _close(self, connection: Connection) -> None:
        if connection.state is State.CLOSED:
            return
        if connection.watched:
            self._selector.unregister(connection.socket)
            connection.watched = 0
        if connection.state is State.ANSWERING:  # a thread may be writing to its socket just now
            connection.has_ended = True
            connection.is_given_up = True
            return
        connection.close()
        del self._connections[connection]

    def _watch(self, connection: Connection) -> None:
        """Look for what can happen next on a connection."""
        if connection.state is State.CLOSED:
            return
        sends = connection.has_unsent and connection.state is State.SENDING
        events = (_READ if connection.may_read else 0) | (_WRITE if sends else 0)
        before, connection.watched = connection.watched, events
        if events == before:
            return
        if not before:
            self._selector.register(connection.socket, events, connection)
        elif events:
            self._selector.modify(connection.socket, events, connection)
        else:
            self._selector.unregister(connection.socket)

    def _guarded(self, connection: Connection, act: Callable[[], None]) -> None:
        """A fault of ours on one connection must not end the loop for all of them."""
        try:
            act()
            self._watch(connection)
        except Exception:
            log.exception("a connection had to be closed")
            self._close(connection)

    def _close_overdue(self, now: float) -> None:
        self._is_full = self._is_full and len(self._connections) >= self._limits.connections * 3 // 4
        for connection in list(self._connections):
            if connection.deadline is not None and now >= connection.deadline:
                if connection.stage in (Stage.HEADER, Stage.BODY):
                    self._guarded(connection, partial(self._refuse, connection, Refused(408)))
                else:
                    self._close(connection)

    # Requests

    def _serve_events(self, connection: Connection, events: int) -> None:
        if connection.state is State.CLOSED:
            return
        if events & _WRITE:
            self._send(connection)
        if events & _READ and connection.may_read:
            self._read(connection)

    def _read(self, connection: Connection) -> None:
        data = connection.read()
        if data is None:
            return
        if connection.state is State.RECEIVING:
            connection.receiver.feed(data)
            self._advance(connection)
        elif connection.state is State.ANSWERING:
            connection.receiver.feed(data)
        elif not data:  # it has read the last answer
            self._close(connection)

    def _advance(self, connection: Connection) -> None:
        """Begin with the next request, if it is there as a whole."""
        try:
            received = connection.receiver.next_request()
        except Refused as refused:
            self._refuse(connection, refused)
            return
        if received is not None:
            connection.state, connection.stage, connection.deadline = State.ANSWERING, None, None
            connection.in_hand_bytes = len(received.body)
            threads = self._reserved.get(received.head.path, self._threads)
            threads.do(partial(self._answer, connection, received))
        elif connection.has_ended:
            self._close(connection)
        else:
            self._await_more(connection)

    def _await_more(self, connection: Connection) -> None:
        stage = connection.receiver.stage
        if stage is not connection.stage:
            connection.stage = stage
            connection.deadline = time.monotonic() + self._seconds_for(connection.receiver)
            if stage is Stage.BODY and connection.receiver.waits_for_leave:
                send_now(connection.socket, _GO_ON)
        self._keep_within_memory(connection)

    def _seconds_for(self, receiver: Receiver) -> float:
        if receiver.stage is Stage.BODY:
            return self._limits.seconds_for(receiver.awaited_bytes)
        if receiver.stage is Stage.HEADER:
            return self._limits.header_seconds
        return self._limits.stop_idle_seconds if self._is_stopping else self._limits.idle_seconds

    def _refuse(self, connection: Connection, refused: Refused) -> None:
        """Answer that a request is not taken, and hang up."""
        is_head = connection.receiver.is_head_request
        data = refusal(refused, connection.name, without_body=is_head)
        connection.receiver = self._new_receiver(connection.client)
        connection.stage, connection.keeps = None, False
        self._hand_out(connection, memoryview(data))

    def _keep_within_memory(self, connection: Connection) -> None:
        """When unfinished requests and unsent answers take too much, the largest of them goes."""
        if connection.held_bytes < LARGE_BYTES:
            return
        if sum(one.held_bytes for one in self._connections) <= self._limits.held_bytes:
            return
        waiting = [one for one in self._connections if one.state in (State.RECEIVING, State.SENDING)]
        largest = max(waiting, key=lambda one: one.held_bytes)
        if largest.state is State.RECEIVING:
            self._refuse(largest, Refused(503))
            self._watch(largest)
        else:
            log.warning("an answer was given up: too much is waiting to be sent", client=largest.name)
            self._close(largest)

    # Answers

    def _answer(self, connection: Connection, received: Received) -> None:
        """In a thread: ask the application, and send what can be sent at once."""
        ends = connection.client, connection.server
        try:
            data, keeps = answer_to(received, self._application, self._config, ends, self._stops)
        except Exception:
            log.exception("a request could not be answered")
            data, keeps = refusal(Refused(500), connection.name), False
        view = memoryview(data)
        sent = send_now(connection.socket, view)
        self._answers.put((connection, None if sent is None else view[sent:], keeps))
        # Nothing to be done for it before the client sends something, for which the loop wakes up anyway.
        # Were it to read that just now, it would look for answers after that, and find this one.
        if sent != len(view) or not keeps or connection.has_ended or connection.receiver.held_bytes:
            self._wake()

    def _stops(self) -> bool:
        return self._is_stopping

    def _wake(self) -> None:
        # Whoever calls has put an answer there before it looks at the mark; the loop clears the mark
        # before it looks for answers. So none is left lying.
        if not self._is_woken:
            self._is_woken = True
            with contextlib.suppress(OSError):
                os.write(self.wake_descriptor, b"\0")

    def _wake_up(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self._wake_read, 4096)
        self._is_woken = False

    def _take_answers(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                connection, unsent, keeps = self._answers.get_nowait()
                connection.keeps, connection.in_hand_bytes = keeps, 0
                self._guarded(connection, partial(self._finish, connection, unsent))

    def _finish(self, connection: Connection, unsent: memoryview | None) -> None:
        """A thread is done with a request: `unsent` is left of the answer, None when the client is gone."""
        connection.state = State.SENDING
        if unsent is None or connection.is_given_up:
            self._close(connection)
        else:
            self._hand_out(connection, unsent)

    def _hand_out(self, connection: Connection, data: memoryview) -> None:
        connection.state = State.SENDING
        connection.deadline = time.monotonic() + self._limits.seconds_for(len(data))
        connection.queue(data)
        self._send(connection)
        if connection.has_unsent:
            self._keep_within_memory(connection)

    def _send(self, connection: Connection) -> None:
        if not connection.send():
            self._close(connection)
        elif not connection.has_unsent:
            self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """The answer is sent."""
        if connection.keeps:
            connection.state = State.RECEIVING
            self._advance(connection)
            return
        connection.end_output()
        connection.state = State.LINGERING
        connection.deadline = time.monotonic() + self._limits.linger_seconds
        if connection.has_ended or self._is_stopping:
            self._close(connection)


_GO_ON = memoryview(b"HTTP/1.1 100 Continue\r\n\r\n")
