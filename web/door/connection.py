"""One connection: what has arrived on it, what is still to be sent, and until when."""

import contextlib
import socket
from enum import Enum, auto
from typing import Any

from .limits import READ_AHEAD_BYTES, READ_AT_ONCE_BYTES
from .receiver import Receiver, Stage


class State(Enum):
    """Whose turn it is."""

    RECEIVING = auto()
    """The client's: it has to send a request, or the rest of one."""
    ANSWERING = auto()
    """A thread's, which works on the answer."""
    SENDING = auto()
    """The client's: it has to read its answer."""
    LINGERING = auto()
    """The client's: it has to read its last answer and to hang up."""
    CLOSED = auto()


class Connection:
    """A client's connection. Only the door's own thread touches it; while a thread works on the
    answer, that thread alone writes to the socket."""

    def __init__(self, client_socket: socket.socket, client: Any, server: Any, receiver: Receiver) -> None:
        self.socket = client_socket
        self.client = client
        self.server = server
        self.receiver = receiver
        self.state = State.RECEIVING
        self.stage: Stage | None = None  # of the request that the deadline is for
        self.deadline: float | None = None
        self.watched = 0  # the events for which the selector looks
        self.has_ended = False  # the client sends nothing more
        self.keeps = True  # whether another request may follow
        self.is_given_up = False  # to be closed as soon as no thread works for it
        self.in_hand_bytes = 0
        self._unsent = memoryview(b"")

    @property
    def name(self) -> str:
        """The client, as it is told in the log."""
        return str(self.client[0]) if isinstance(self.client, tuple) and self.client else "unix"

    @property
    def held_bytes(self) -> int:
        """How much memory it takes."""
        return self.receiver.held_bytes + self.in_hand_bytes + len(self._unsent)

    @property
    def may_read(self) -> bool:
        """Whether it makes sense to read from it now."""
        if self.has_ended:
            return False
        if self.state is State.ANSWERING:
            return self.receiver.held_bytes < READ_AHEAD_BYTES
        return self.state in (State.RECEIVING, State.LINGERING)

    @property
    def has_unsent(self) -> bool:
        """Whether something is to be sent."""
        return len(self._unsent) > 0

    def read(self) -> bytes | None:
        """What has arrived; nothing at the end; None when there is nothing yet."""
        try:
            data = self.socket.recv(READ_AT_ONCE_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            data = b""
        if not data:
            self.has_ended = True
        return data

    def queue(self, data: memoryview) -> None:
        """Have this sent."""
        self._unsent = data

    def send(self) -> bool:
        """Send what the system takes now; whether the client is still there."""
        sent = send_now(self.socket, self._unsent)
        if sent is None:
            return False
        self._unsent = self._unsent[sent:]
        return True

    def close(self) -> None:
        """Hang up."""
        self.state = State.CLOSED
        self._unsent = memoryview(b"")
        self.socket.close()

    def end_output(self) -> None:
        """Tell the client that nothing more comes."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)


def send_now(client_socket: socket.socket, data: memoryview) -> int | None:
    """How many bytes the system took, without waiting; None when the client is gone."""
    sent = 0
    try:
        while sent < len(data):
            sent += client_socket.send(data[sent:])
    except (BlockingIOError, InterruptedError):
        return sent
    except OSError:
        return None
    return sent
