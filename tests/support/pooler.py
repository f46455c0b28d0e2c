"""A pooler that hands each transaction of its clients to the one session it has, as PgBouncer's does with
``pool_mode = transaction``: what a client sets for its session, others get, or nobody.
"""

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

from .postgres import PrivatePostgres

_TLS, _GSS = 80877103, 80877104
_ITS_OWN_PROCESS = 999_999_999


class TransactionPooler:
    """Exists between `__enter__` and `__exit__`, in front of one database."""

    def __init__(self, server: PrivatePostgres, dbname: str) -> None:
        self._environment = server.environment(dbname)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(str(server.folder / f".s.PGSQL.{self._environment['POSTGRES_PORT']}"))
        self._mutex = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []

    @property
    def environment(self) -> dict[str, str]:
        """What points a service at the database behind it."""
        host, port = self._listener.getsockname()
        return self._environment | {"POSTGRES_HOST": host, "POSTGRES_PORT": str(port)}

    def __enter__(self) -> Self:
        words = ("user", self._environment["POSTGRES_USER"], "database", self._environment["POSTGRES_DBNAME"])
        body = struct.pack("!i", 3 << 16) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
        self._server.sendall(struct.pack("!i", len(body) + 4) + body)
        self._welcome = b""
        while (message := _message(self._server))[:1] != b"Z":
            if message[:1] != b"K":
                self._welcome += message
        self._welcome += b"K" + struct.pack("!iii", 12, _ITS_OWN_PROCESS, 7) + message
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._clients, self._server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, EOFError):
            length, request = struct.unpack("!ii", _exactly(client, 8))
            while request in (_TLS, _GSS):
                client.sendall(b"N")
                length, request = struct.unpack("!ii", _exactly(client, 8))
            _exactly(client, length - 8)
            client.sendall(self._welcome)
            while True:
                first = _message(client)
                if first[:1] == b"X":
                    return
                with self._mutex:
                    self._transaction(client, first)

    def _transaction(self, client: socket.socket, message: bytes) -> None:
        """Pass on until the server is outside of a transaction again."""
        while True:
            self._server.sendall(message)
            if message[:1] in (b"Q", b"S"):
                answer = b""
                while answer[:1] != b"Z":
                    answer = _message(self._server)
                    client.sendall(answer)
                if answer[-1:] == b"I":
                    return
            message = _message(client)


def _message(end: socket.socket) -> bytes:
    head = _exactly(end, 5)
    (length,) = struct.unpack("!i", head[1:])
    return head + _exactly(end, length - 4)


def _exactly(end: socket.socket, length: int) -> bytes:
    data = end.recv(length, socket.MSG_WAITALL) if length else b""
    if len(data) < length:
        raise EOFError
    return data
