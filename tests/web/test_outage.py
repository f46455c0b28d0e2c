"""PostgreSQL goes away and comes back: requests are put off in time, and everything goes on by itself."""

from collections.abc import Iterator

import pytest

from system.bootstrap import Orderwright, build
from system.runner.service import RunnerService
from system.settings.environment import Settings
from tests.support.postgres import PrivatePostgres
from tests.support.waiting import wait_until
from tests.web.api import Answer, Api, an_order
from web.api.app import create_app


@pytest.fixture
def database() -> Iterator[PrivatePostgres]:
    """A database of the test's own, which it may stop."""
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def system(database: PrivatePostgres) -> Iterator[tuple[Orderwright, RunnerService]]:
    """A system that is followed, and impatient with its database."""
    database.create_database("shop")
    environment = {
        **database.environment("shop"),
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_CONNECT_TIMEOUT": "1",
    }
    orderwright = build(Settings.from_environment(environment))
    service = RunnerService(orderwright)
    service.start()
    yield orderwright, service
    service.stop()
    orderwright.close()


def test_an_outage(database: PrivatePostgres, system: tuple[Orderwright, RunnerService]) -> None:
    api = Api(create_app(*system).test_client(), system[0])
    api.receive()
    order = api.placed()

    def is_ready() -> bool:
        return api.client.get("/readyz").status_code == 200

    wait_until(is_ready)
    database.stop()

    for method, path in (
        ("POST", "/api/v1/orders"),
        ("GET", f"/api/v1/orders/{order}"),
        ("GET", "/api/v1/orders"),
        ("GET", "/readyz"),
    ):
        body = an_order() if method == "POST" else None
        answer = Answer(api.client.open(path, method=method, json=body))
        assert answer.status == 503, path
        if path != "/readyz":
            assert answer.code == "store_unavailable"
            assert answer.header("Retry-After") == "1"

    database.start()
    wait_until(is_ready)
    wait_until(lambda: api.get(f"/orders/{order}").json["status"] == "CONFIRMED")
    later = api.placed()
    wait_until(lambda: api.get(f"/orders/{later}").json["status"] == "CONFIRMED")
