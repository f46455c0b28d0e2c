"""Clients that are silent, slow or never read cost no thread: the service and its health go on."""

import contextlib
import json
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.web.api import API, an_order
from tests.web.raw import RawClient, ask, get, post
from tests.web.serving import THREADS, Serving, children_of

AT_REST_SECONDS = 0.3
ORDER = json.dumps(an_order()).encode()
HALF_A_HEADER = b"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-"
HALF_A_BODY = post(f"{API}/orders", ORDER)[:-10]
NEVER_READ = get(f"{API}/events?limit=500") * 20
LARGE = [{"sku": f"TEA-{number}", "quantity": 1, "unit_price": "4.50"} for number in range(100)]


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", HALF_A_HEADER, HALF_A_BODY, NEVER_READ],
    ids=["silent", "one byte", "half a header", "half a body", "never reads"],
)
def test_clients_that_keep_it_waiting_do_not_stop_it(serving: Serving, sent: bytes) -> None:
    port = serving.port
    if sent is NEVER_READ:  # its answers are larger than what the system keeps for a client
        large = json.dumps(an_order(*LARGE)).encode()
        assert {ask(port, post(f"{API}/orders", large)).status for _ in range(60)} == {201}
    count = THREADS + 1 if sent is NEVER_READ else 3 * THREADS
    clients = [RawClient(port, takes=4096) for _ in range(count)]
    try:
        for client in clients:
            client.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):  # it takes no more: nobody reads what it answers
                client.socket.send(sent)
        wait_until(AtRest(serving), what="the server does nothing any more")
        for _ in range(5):
            assert ask(port, get("/livez")).status == 200
            assert ask(port, post(f"{API}/orders", ORDER)).status == 201
        # They were not answered because the server had had enough of the others.
        assert not any(hung_up(client) for client in clients)
    finally:
        for client in clients:
            client.socket.close()


class AtRest:
    """Whether a server has used no processor time for a while."""

    def __init__(self, serving: Serving) -> None:
        (worker,) = children_of(serving.process.pid)
        self._figures = Path(f"/proc/{worker}/stat")
        self._before = ""
        self._since = 0.0

    def __call__(self) -> bool:
        used = " ".join(self._figures.read_text().rpartition(") ")[2].split()[11:13])
        if used != self._before:
            self._before, self._since = used, time.monotonic()
        return time.monotonic() - self._since > AT_REST_SECONDS


def takes_commands(port: int) -> bool:
    """What readiness says of the store; nobody follows it."""
    (store,) = (check for check in ask(port, get("/readyz")).json["checks"] if check["name"] == "store")
    return bool(store["ok"])


def hung_up(client: RawClient) -> bool:
    """Whether the server has closed a connection."""
    try:
        return client.socket.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@pytest.fixture
def busy(serving: Serving) -> Iterator[Callable[[], None]]:
    """Every order waits, for a file that somebody else has locked; what lets them go on."""
    yield from _locked(serving)


@pytest.fixture
def busy_own(own_serving: Serving) -> Iterator[Callable[[], None]]:
    """The same for a server of the test's own."""
    yield from _locked(own_serving)


def _locked(serving: Serving) -> Iterator[Callable[[], None]]:
    other = sqlite3.connect(serving.folder / "var" / "Orders.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield lambda: other.rollback()
    other.close()


def test_health_is_told_while_every_thread_is_busy(serving: Serving, busy: Callable[[], None]) -> None:
    port = serving.port
    with ThreadPoolExecutor(2 * THREADS) as customers:
        orders = [customers.submit(ask, port, post(f"{API}/orders", ORDER)) for _ in range(2 * THREADS)]
        alive, ready = ask(port, get("/livez")), ask(port, get("/readyz"))
        assert not any(order.done() for order in orders)
        assert alive.status == 200
        assert ready.status == 503
        assert "trial write" in ready.body.decode()
        busy()
        assert {order.result().status for order in orders} == {201}
    wait_until(lambda: takes_commands(port), what="it takes commands again")


def test_a_stop_waits_for_the_answers_to_requests_in_hand(
    own_serving: Serving, busy_own: Callable[[], None]
) -> None:
    port = own_serving.port
    with RawClient(port) as client, RawClient(port) as idle:
        idle.send(get("/livez"))
        assert idle.answer().status == 200
        client.send(post(f"{API}/orders", ORDER))
        wait_until(lambda: not takes_commands(port), what="the order waits")
        own_serving.process.send_signal(signal.SIGTERM)
        assert idle.rest() == b""  # so the stop has begun
        busy_own()
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (201, "close")
    assert own_serving.process.wait(timeout=PATIENCE_SECONDS) == 0
