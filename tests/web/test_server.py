"""The real server in a process of its own, over SQLite: it starts, serves, settles, survives and stops."""

import http.client
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.web.api import API, an_order
from tests.web.serving import Process, Server, lives, processes, ready

_SERVE = """
import os, sys
from system.settings.environment import Settings
from web.server import serve

if __name__ == "__main__":
    sys.exit(serve(Settings.from_environment(os.environ), sys.argv[2], int(sys.argv[1])))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts servers over one folder, and ends them after the test."""
    with processes() as run:

        def make(port: int = 0, host: str = "127.0.0.1", **environment: str) -> Process:
            data = {"ORDERWRIGHT_DATA": str(tmp_path / "var")}
            return run(_SERVE, str(port), host, environment={**data, **environment})

        yield make


@pytest.fixture
def server(start: Callable[..., subprocess.Popen[str]]) -> Server:
    """A server that is ready."""
    return ready(start())


def test_an_order_from_start_to_stop(server: Server) -> None:
    """Start, receive, order, poll till confirmed, stop with exit code 0."""
    assert server.get("/livez") == {"status": "alive"}
    server.post("/stock/TEA/receipts", {"quantity": 10})
    order = server.post("/orders", an_order())["order_id"]
    wait_until(lambda: server.status_of(order) == "CONFIRMED", what="the order is confirmed")
    assert server.get("/readyz")["status"] == "ready"
    worker = server.worker()
    assert worker is not None

    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=PATIENCE_SECONDS) == 0

    assert not lives(worker)
    assert server.process.stderr is not None
    assert server.process.stderr.read() == ""


def test_what_it_prints_to_try_can_be_pasted(server: Server) -> None:
    assert server.process.stdout is not None
    assert server.process.stdout.readline() == "Try:\n"
    for _ in range(3):
        command = server.process.stdout.readline()
        answer = subprocess.run(["sh", "-c", command], capture_output=True, check=True, text=True)
        assert "code" not in json.loads(answer.stdout)


def test_it_stops_while_a_request_is_in_hand(start: Callable[..., subprocess.Popen[str]]) -> None:
    """A client that never finishes sending its request does not keep the server."""
    server = ready(start())
    port = int(server.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        wait_until(lambda: server.get("/livez"), what="the server has seen the request")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=PATIENCE_SECONDS) == 0


def test_a_killed_worker_is_replaced_and_acknowledged_orders_settle(server: Server) -> None:
    server.post("/stock/TEA/receipts", {"quantity": 100})
    worker = server.worker()
    assert worker is not None
    orders = [server.post("/orders", an_order())["order_id"] for _ in range(5)]
    os.kill(worker, signal.SIGKILL)

    wait_until(lambda: server.worker() not in (None, worker), what="there is another worker")
    for order in orders:
        wait_until(lambda order=order: server.status_of(order) == "CONFIRMED", what="the order is confirmed")  # type: ignore[misc]
    assert server.get(f"{API}/stock/TEA")["reserved"] == 10


def test_a_killed_master_takes_its_worker_along(server: Server) -> None:
    worker = server.worker()
    assert worker is not None
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not lives(worker), what="the worker is gone")


def test_orders_in_memory(start: Callable[..., subprocess.Popen[str]]) -> None:
    server = ready(start(PERSISTENCE_MODULE="eventsourcing.popo"))
    server.post("/stock/TEA/receipts", {"quantity": 10})
    order = server.post("/orders", an_order())["order_id"]
    wait_until(lambda: server.status_of(order) == "CONFIRMED", what="the order is confirmed")


def test_a_body_beyond_the_limit_is_answered(start: Callable[..., subprocess.Popen[str]]) -> None:
    server = ready(start(ORDERWRIGHT_MAX_BODY_BYTES="1024"))
    data = json.dumps(an_order()).encode().ljust(100_000)
    for body in (data, iter([data[:1000], data[1000:]])):  # with its length, and in chunks without
        connection = http.client.HTTPConnection(
            server.address.removeprefix("http://"), timeout=PATIENCE_SECONDS
        )
        connection.request("POST", f"{API}/orders", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 413
        assert json.load(response)["code"] == "body_too_large"
        connection.close()


def test_a_port_that_is_taken_is_one_clear_error(start: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = start(port)
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert output == ""
    assert errors == f"orderwright cannot listen at 127.0.0.1, port {port}: Address already in use\n"


def test_a_store_that_cannot_be_opened_is_one_clear_error(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    process = start(ORDERWRIGHT_DATA=str(tmp_path / "file" / "var"))
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert output == ""
    assert errors.startswith("orderwright cannot open its store: ")
    assert errors.count("\n") == 1


def test_who_opens_it_to_others_is_told_that_anybody_may_do_anything(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    process = start(host="0.0.0.0", PERSISTENCE_MODULE="eventsourcing.popo")
    assert process.stdout is not None
    port = int(process.stdout.readline().rpartition(":")[2])
    for name, status in (("127.0.0.1", 200), ("evil.example", 421)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        connection.request("GET", f"{API}/orders", headers={"Host": name})
        assert connection.getresponse().status == status
        connection.close()
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert "there is no authentication yet" in errors
    assert errors.count("\n") == 1


def test_the_name_at_which_it_listens_is_allowed(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(host="localhost", PERSISTENCE_MODULE="eventsourcing.popo")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Orderwright is ready at http://localhost:")
    process.terminate()
    assert process.communicate(timeout=PATIENCE_SECONDS)[1] == ""
