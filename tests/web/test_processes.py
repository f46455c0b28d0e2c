"""The API and the runner as processes of their own, with real workers, on every store that allows it."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.support.fixtures import (
    Environment,
    emptied_postgres,
    on_postgres,
    on_sqlite,
    quick_folder,
    shared_database,
)
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.web.api import an_order
from tests.web.serving import Process, Server, children_of, lives, processes, ready

__all__ = ["emptied_postgres", "on_postgres", "on_sqlite", "quick_folder", "shared_database"]

Run = Callable[..., Process]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs commands in the background and ends them after the test."""
    with processes() as start:

        def make(environment: Environment, *words: str) -> Process:
            given = {"ORDERWRIGHT_LOG_LEVEL": "WARNING", **environment}
            return start("from web.cli import main; main()", *words, environment=given)

        yield make


def is_ready(server: Server) -> bool:
    try:
        return bool(server.get("/readyz")["status"] == "ready")
    except OSError:
        return False


def orders_are_seen_through(api: Server, run: Run, environment: Environment) -> None:
    """An API alone is not ready and takes orders; with a runner it is, and they are confirmed."""
    api.post("/stock/TEA/receipts", {"quantity": 100})
    early = api.post("/orders", an_order())["order_id"]
    assert not is_ready(api)
    assert api.status_of(early) == "CREATED"

    runner = run(environment, "runner")
    wait_until(lambda: is_ready(api), what="somebody follows")
    late = api.post("/orders", an_order())["order_id"]
    for order in (early, late):
        wait_until(lambda order=order: api.status_of(order) == "CONFIRMED", what="the order is confirmed")  # type: ignore[misc]

    runner.send_signal(signal.SIGTERM)
    assert runner.wait(timeout=PATIENCE_SECONDS) == 0
    assert not is_ready(api)
    out, err = runner.communicate()
    assert out == ""
    # All it has to say is that the server of the tests may be lost with the power.
    assert [line for line in err.splitlines() if "fsync and full_page_writes" not in line] == []


def test_an_api_and_a_runner_on_one_set_of_files(on_sqlite: Environment, run: Run) -> None:
    api = ready(run(on_sqlite, "api", "--port", "0"))
    orders_are_seen_through(api, run, on_sqlite)


def test_several_workers_and_a_runner(on_postgres: Environment, run: Run) -> None:
    api = ready(run(on_postgres, "api", "--port", "0", "--workers", "2"))
    wait_until(lambda: len(children_of(api.process.pid)) == 2, what="both workers are there")
    orders_are_seen_through(api, run, on_postgres)

    before = children_of(api.process.pid)
    os.kill(before[0], signal.SIGKILL)
    wait_until(
        lambda: len(children_of(api.process.pid)) == 2 and before[0] not in children_of(api.process.pid),
        what="the killed worker is replaced",
    )
    wait_until(lambda: api.status_of(api.post("/orders", an_order())["order_id"]) == "CREATED")
    workers = children_of(api.process.pid)
    api.process.send_signal(signal.SIGTERM)
    assert api.process.wait(timeout=PATIENCE_SECONDS) == 0
    assert not any(lives(worker) for worker in workers)
