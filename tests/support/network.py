"""A network between a service and its database that can forget connections, without closing any.

What is sent over a forgotten connection is taken and thrown away, both ways, as a firewall does it: nobody
is told. It listens on a port of this machine and passes on to the unix socket of a private PostgreSQL.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from .postgres import PrivatePostgres

SAID_AT_MOST = 1_000_000


class Wire:
    """One connection: the end of the service and that of the database."""

    def __init__(self, service: socket.socket, database: socket.socket) -> None:
        self.ends = {service: database, database: service}
        self.service = service
        self.said = b""
        """What the service has sent over it."""
        self.is_forgotten = False
        self.loses_replies = False

    def close(self) -> None:
        """Close both ends."""
        for end in self.ends:
            end.close()


class Network:
    """Exists between `__enter__` and `__exit__`. What it does to connections is changed by its methods."""

    def __init__(self, server: PrivatePostgres) -> None:
        self._environment = server.environment
        self._database = str(server.folder / f".s.PGSQL.{server.environment('postgres')['POSTGRES_PORT']}")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._wires: list[Wire] = []
        self._is_down = False
        self._loses_reply_to: bytes | None = None
        self.lost = 0
        """How many replies were lost, see `lose_reply_to`."""
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    def environment(self, dbname: str) -> dict[str, str]:
        """What points a service at a database behind this network."""
        host, port = self._listener.getsockname()
        return self._environment(dbname) | {"POSTGRES_HOST": host, "POSTGRES_PORT": str(port)}

    def forget(self, which: Callable[[bytes], bool] = lambda _: True) -> int:
        """Forget the connections that there are, for good: those of which `which` holds, given what was
        sent over them so far. How many they are."""
        with self._lock:
            forgotten = [wire for wire in self._wires if not wire.is_forgotten and which(wire.said)]
            for wire in forgotten:
                wire.is_forgotten = True
        return len(forgotten)

    def go_down(self, which: Callable[[bytes], bool] = lambda _: True) -> None:
        """Forget connections, and let no new ones through until `come_back`."""
        self._is_down = True
        self.forget(which)

    def come_back(self) -> None:
        """Let new connections through; those that are forgotten stay so."""
        self._is_down = False

    def lose_reply_to(self, text: bytes | None) -> None:
        """From now on pass on what contains this, and forget its connection before the reply comes."""
        self._loses_reply_to = text

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_stopping = True
        self._thread.join()
        for wire in self._wires:
            wire.close()
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._is_stopping:
            for key, _ in self._selector.select(timeout=0.05):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._pass_on(key.fileobj, key.data)  # type: ignore[arg-type]  # all others are sockets

    def _accept(self) -> None:
        service, _ = self._listener.accept()
        database = socket.socket(socket.AF_UNIX)
        wire = Wire(service, database)
        wire.is_forgotten = self._is_down
        try:
            database.connect(self._database)
        except OSError:
            wire.close()
            return
        with self._lock:
            self._wires.append(wire)
        for end in wire.ends:
            self._selector.register(end, selectors.EVENT_READ, wire)

    def _pass_on(self, end: socket.socket, wire: Wire) -> None:
        if wire not in self._wires:  # it has ended a moment ago
            return
        data = b""
        with contextlib.suppress(OSError):
            data = end.recv(65536)
        if not data and not wire.is_forgotten:
            self._end(wire)
        elif not data:
            self._selector.unregister(end)  # the other end does not hear of it
        else:
            self._deliver(end, wire, data)

    def _deliver(self, end: socket.socket, wire: Wire, data: bytes) -> None:
        if wire.is_forgotten:
            return
        if end is wire.service:
            wire.said = (wire.said + data)[-SAID_AT_MOST:]
            if self._loses_reply_to is not None and self._loses_reply_to in data:
                wire.loses_replies = True
        elif wire.loses_replies:
            wire.is_forgotten = True
            self.lost += 1
            return
        try:
            wire.ends[end].sendall(data)
        except OSError:
            self._end(wire)

    def _end(self, wire: Wire) -> None:
        with self._lock:
            self._wires.remove(wire)
        for end in wire.ends:
            with contextlib.suppress(KeyError):
                self._selector.unregister(end)
        wire.close()
