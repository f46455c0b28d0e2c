"""A server with TLS in front of a private PostgreSQL, whose programs often are built without.

It speaks the beginning of PostgreSQL's protocol: whoever asks for TLS gets it, with a real certificate,
and everybody else is turned away, as behind ``hostssl``.
"""

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from .postgres import PrivatePostgres

_TLS, _GSS = 80877103, 80877104


@dataclass(frozen=True)
class Papers:
    """The files that a client has: who may vouch for the server, and its own certificate."""

    root: Path
    certificate: Path
    key: Path


class Authority:
    """Issues certificates, and writes them where clients look for them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._authority = trustme.CA()
        self.papers = Papers(folder / "root.pem", folder / "client.pem", folder / "client.key")
        self._authority.cert_pem.write_to_path(str(self.papers.root))
        client = self._authority.issue_cert("orderwright@example.org")
        client.cert_chain_pems[0].write_to_path(str(self.papers.certificate))
        client.private_key_pem.write_to_path(str(self.papers.key))
        self.papers.key.chmod(0o600)

    def server_context(self, *, asks_for_certificate: bool) -> ssl.SSLContext:
        """What a server called localhost encrypts with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("localhost").configure_cert(context)
        if asks_for_certificate:
            self._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class TlsDoor:
    """Exists between `__enter__` and `__exit__`."""

    def __init__(
        self, server: PrivatePostgres, authority: Authority, *, asks_for_certificate: bool = False
    ) -> None:
        self._environment = server.environment
        self._database = str(server.folder / f".s.PGSQL.{server.environment('postgres')['POSTGRES_PORT']}")
        self._context = authority.server_context(asks_for_certificate=asks_for_certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._is_stopping = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.secured = 0
        """How many connections were made with TLS."""
        self.turned_away = 0
        """How many wanted none, or none that could be agreed on."""

    def environment(self, dbname: str) -> dict[str, str]:
        """What points a service at a database behind this door, without any setting for TLS."""
        port = self._listener.getsockname()[1]
        return self._environment(dbname) | {"POSTGRES_HOST": "localhost", "POSTGRES_PORT": str(port)}

    def __enter__(self) -> Self:
        self._listener.settimeout(0.05)
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_stopping = True
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_stopping:
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(30)
        with client, contextlib.suppress(OSError):
            secured = self._secured(client)
            if secured is None:
                self.turned_away += 1
                return
            self.secured += 1
            with secured, socket.socket(socket.AF_UNIX) as database:
                database.connect(self._database)
                self._pass_on(secured, database)

    def _secured(self, client: socket.socket) -> ssl.SSLSocket | None:
        while True:
            (request,) = struct.unpack("!4xi", client.recv(8, socket.MSG_WAITALL))
            if request == _GSS:
                client.sendall(b"N")
                continue
            if request != _TLS:
                return None
            client.sendall(b"S")
            try:
                return self._context.wrap_socket(client, server_side=True)
            except OSError:
                return None

    def _pass_on(self, client: ssl.SSLSocket, database: socket.socket) -> None:
        others = {client: database, database: client}
        with selectors.DefaultSelector() as selector:
            for end in others:
                selector.register(end, selectors.EVENT_READ)
            while not self._is_stopping:
                ready = {key.fileobj for key, _ in selector.select(timeout=0.05)}
                if client.pending():
                    ready.add(client)
                for end, other in others.items():
                    if end in ready:
                        data = end.recv(65536)
                        if not data:
                            return
                        other.sendall(data)
