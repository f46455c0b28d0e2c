"""Fixtures of the suites that run the whole system; their conftest files import what they use."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from application.ports import PaymentGateway
from system.bootstrap import Clock, utc_now
from system.gateways.simulated import SimulatedGateway

from .running_shop import Shop
from .ways import WAYS, Way

Environment = dict[str, str]
OpenShop = Callable[..., Shop]
MakeWay = Callable[[Mapping[str, str], PaymentGateway, Clock], Way]

PERSISTENCE = ("popo", "sqlite", "postgres")


def environment_for(module: str, request: pytest.FixtureRequest, folder: Path) -> Environment:
    """The environment of an empty store of its own, and nothing else: that is all it takes."""
    environment = {
        "PERSISTENCE_MODULE": f"eventsourcing.{module}",
        "ORDERWRIGHT_DATA": str(folder / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
    }
    if module == "postgres":
        environment |= request.getfixturevalue("postgres_environment")
    return environment


@pytest.fixture(params=PERSISTENCE)
def persistence(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """The environment of each persistence there is."""
    return environment_for(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def durable_persistence(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """The environment of each persistence that outlives a process."""
    return environment_for(request.param, request, tmp_path)


@pytest.fixture
def in_memory(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """The environment of the fastest persistence, where it does not matter which."""
    return environment_for("popo", request, tmp_path)


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """The environment of SQLite files in a folder of the test's own."""
    return environment_for("sqlite", request, tmp_path)


@pytest.fixture
def open_way() -> Iterator[Callable[..., Way]]:
    """Opens systems, any way and as often as asked, and closes them after the test."""
    opened: list[Way] = []

    def make(
        kind: MakeWay,
        environment: Mapping[str, str],
        gateway: PaymentGateway | None = None,
        clock: Clock = utc_now,
    ) -> Way:
        way = kind(environment, gateway or SimulatedGateway(), clock)
        opened.append(way)
        return way

    yield make
    for way in reversed(opened):
        way.close()


@pytest.fixture(params=list(WAYS))
def open_shop(
    request: pytest.FixtureRequest, persistence: Environment, open_way: Callable[..., Way]
) -> OpenShop:
    """Opens a shop on every persistence and under both runners."""

    def make(gateway: PaymentGateway | None = None, clock: Clock = utc_now) -> Shop:
        return Shop(open_way(WAYS[request.param], persistence, gateway, clock))

    return make


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """An empty shop, on every persistence and under both runners."""
    return open_shop()
