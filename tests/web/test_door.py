"""The door with a short patience: what becomes of clients that wear it out, and of those that do not."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]

from tests.support.waiting import wait_until
from tests.web.raw import RawClient, get, post
from web.door.door import Door
from web.door.limits import Limits
from web.door.threads import Threads

LONG = 16 * 1024 * 1024
"""More than what the system takes from a server without a client that reads."""
PATIENT = Limits(1024 * 1024, idle_seconds=60, header_seconds=60, transfer_seconds=60)
SHORT = 0.2


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Gives back what it was sent; a long answer at /long."""
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/long":
        body = b"x" * LONG
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Running:
    """A door that is served in a thread."""

    def __init__(self, limits: Limits, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.port: int = self.listener.getsockname()[1]
        self.door = Door([self.listener], application, Config(), limits, Threads(2, "test"), {})
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ends.is_set():
            self.door.turn(0.05)
        self.door.close()

    def end(self) -> None:
        self._ends.set()
        self._thread.join()
        self.listener.close()


@pytest.fixture
def opened() -> Iterator[Callable[..., Running]]:
    """Opens doors, and closes them after the test."""
    running: list[Running] = []

    def make(host: str = "127.0.0.1", **changed: Any) -> Running:
        running.append(Running(Limits(**{**vars(PATIENT), **changed}), host))
        return running[-1]

    yield make
    for one in running:
        one.end()


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        (b"G", {"header_seconds": SHORT}),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", {"header_seconds": SHORT}),
        (post("/", b"{}" * 50)[:-1], {"transfer_seconds": SHORT}),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
            {"transfer_seconds": SHORT, "body_bytes": 1024},
        ),
    ],
    ids=["one byte", "half a header", "half a body", "half a chunk"],
)
def test_a_request_that_does_not_come_to_an_end_is_answered_and_ended(
    opened: Callable[..., Running], sent: bytes, limit: dict[str, Any]
) -> None:
    with RawClient(opened(**limit).port) as client:
        client.send(sent)
        answer = client.answer()
        assert (answer.status, answer.json["code"]) == (408, "request_timeout")
        assert len(answer.headers["x-request-id"]) == 36
        assert client.rest() == b""


def test_a_client_that_sends_a_byte_now_and_then_is_not_waited_for_longer(
    opened: Callable[..., Running],
) -> None:
    """The deadline is for the whole header, so that dripping does not put it off."""
    with RawClient(opened(header_seconds=SHORT).port) as client:
        client.socket.settimeout(SHORT / 10)
        received = b""
        for _ in range(1000):
            client.send(b"G")
            try:
                received += client.socket.recv(65536)
            except TimeoutError:
                continue
            break
        assert received.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("before", [b"", get("/")], ids=["new", "kept"])
def test_a_client_that_asks_for_nothing_is_let_go(opened: Callable[..., Running], before: bytes) -> None:
    with RawClient(opened(idle_seconds=SHORT).port) as client:
        client.send(before)
        if before:
            assert client.answer().status == 200
        assert client.rest() == b""


def test_a_client_that_does_not_read_its_answer_is_let_go(opened: Callable[..., Running]) -> None:
    running = opened(transfer_seconds=SHORT, bytes_a_second=1024 * LONG)
    with RawClient(running.port) as client:
        client.send(get("/long"))
        wait_until(lambda: not running.door.is_empty, what="the connection is there")
        wait_until(lambda: running.door.is_empty, what="the connection is closed")
        with pytest.raises(EOFError):
            client.answer()


def test_a_client_that_reads_slowly_gets_all_of_its_answers(opened: Callable[..., Running]) -> None:
    with RawClient(opened().port) as client:
        client.send(get("/long") * 2)
        assert [len(client.answer().body) for _ in range(2)] == [LONG] * 2


def test_many_silent_clients_make_room_for_one_that_asks(opened: Callable[..., Running]) -> None:
    running = opened(connections=16)
    silent = [RawClient(running.port) for _ in range(40)]
    for _ in range(3):
        with RawClient(running.port) as client:
            client.send(post("/", b"hello"))
            assert client.answer().body == b"hello"
    first = silent[0]
    assert first.rest() == b""  # the one that waited longest has gone
    for client in silent:
        client.socket.close()


def test_bodies_that_never_end_take_little_memory_in_all(opened: Callable[..., Running]) -> None:
    running = opened(held_bytes=2 * 1024 * 1024, body_bytes=1024 * 1024)
    half = post("/", b"x" * 1024 * 1024)[:-1]
    clients = [RawClient(running.port) for _ in range(5)]
    for client in clients:
        client.send(half)
    codes = set()
    for client in clients[:2]:
        answer = client.answer()
        codes.add((answer.status, answer.json["code"], answer.headers["retry-after"]))
    assert codes == {(503, "server_busy", "1")}
    with RawClient(running.port) as client:
        client.send(post("/", b"hello"))
        assert client.answer().body == b"hello"
    for client in clients:
        client.socket.close()


def test_it_serves_ipv6_and_hides_no_fault_of_the_application(
    opened: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = opened("::1")
    with RawClient(running.port, "::1") as client:
        client.send(post("/", b"hello"))
        assert client.answer().body == b"hello"

    def broken(*_: object) -> Iterable[bytes]:
        raise ValueError("secret")

    monkeypatch.setattr(running.door, "_application", broken)
    with RawClient(running.port, "::1") as client:
        client.send(get("/"))
        answer = client.answer()
        assert (answer.status, answer.json["code"]) == (500, "internal_error")
        assert b"secret" not in answer.body


def test_connections_leave_no_descriptor_behind(opened: Callable[..., Running]) -> None:
    running = opened()

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the count is all that matters

    before = descriptors()
    for sent in (get("/"), b"nonsense\r\n\r\n", b"", post("/", b"12345")[:-2], get("/long")) * 10:
        with RawClient(running.port) as client:
            client.send(sent)
    wait_until(lambda: running.door.is_empty and descriptors() == before, what="all are closed")
