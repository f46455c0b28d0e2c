"""A client that sends what it likes, byte by byte, and tells what came back."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS


@dataclass(frozen=True)
class RawAnswer:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """One connection to a server."""

    def __init__(self, port: int, host: str = "127.0.0.1", *, takes: int | None = None) -> None:
        """`takes` is how many bytes the system keeps for a client that does not read."""
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if takes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect((host, port))
        self._received = b""

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send this; that the server has hung up meanwhile is seen when reading."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def answer(self, *, to_head: bool = False) -> RawAnswer:
        """The next answer. Raises `EOFError` when the server hangs up instead."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        status_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        version, status, _ = status_line.split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), status_line
        has_body = not to_head and status != "100"
        body = self._bytes(int(headers.get("content-length", 0))) if has_body else b""
        return RawAnswer(int(status), headers, body)

    def rest(self) -> bytes:
        """Everything until the server hangs up."""
        while self._more():
            pass
        received, self._received = self._received, b""
        return received

    def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            if not self._more():
                raise EOFError(self._received)
        return self._bytes(self._received.index(end) + len(end))

    def _bytes(self, count: int) -> bytes:
        while len(self._received) < count:
            if not self._more():
                raise EOFError(self._received)
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._received += data
        return bool(data)


def ask(port: int, data: bytes) -> RawAnswer:
    """The answer to what is sent on a connection of its own."""
    with RawClient(port) as client:
        client.send(data)
        return client.answer()


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request with a JSON body."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def get(path: str, *headers: str) -> bytes:
    """A request without a body."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()
