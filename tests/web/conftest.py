"""Fixtures of the web's tests: the API over events in memory, with and without somebody who follows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from system.gateways.simulated import SimulatedGateway
from tests.support.clocks import StandingClock
from tests.support.fixtures import (
    durable_persistence,
    emptied_postgres,
    open_way,
    persistence,
    quick_folder,
    shared_database,
)
from tests.support.ways import ByHand, UnderOurRunner, Way
from tests.web.api import Api
from tests.web.serving import Serving, served
from web.api.app import create_app

__all__ = [
    "durable_persistence",
    "emptied_postgres",
    "open_way",
    "persistence",
    "quick_folder",
    "shared_database",
]

IN_MEMORY = {"PERSISTENCE_MODULE": "eventsourcing.popo"}


@pytest.fixture
def clock() -> StandingClock:
    """The clock of the shop: it stands still unless the test puts it forward."""
    return StandingClock()


@pytest.fixture
def idle(open_way: Callable[..., Way], clock: StandingClock) -> ByHand:
    """A system that nobody follows, unless the test does it by hand."""
    impatient = {**IN_MEMORY, "ORDERWRIGHT_CONSISTENCY_WAIT_SECONDS": "0.05"}
    way = open_way(ByHand, impatient, SimulatedGateway(), clock)
    assert isinstance(way, ByHand)
    return way


@pytest.fixture
def api(idle: ByHand) -> Api:
    """The API of a system that nobody follows."""
    return Api(create_app(idle.orderwright).test_client(), idle.orderwright)


@pytest.fixture
def live(open_way: Callable[..., Way], clock: StandingClock) -> UnderOurRunner:
    """A system that is followed."""
    way = open_way(UnderOurRunner, IN_MEMORY, SimulatedGateway(), clock)
    assert isinstance(way, UnderOurRunner)
    return way


@pytest.fixture
def live_api(live: UnderOurRunner) -> Api:
    """The API of a system that is followed."""
    return Api(create_app(live.orderwright).test_client(), live.orderwright)


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server process for all tests that leave it as it was."""
    with served(tmp_path_factory.mktemp("serving")) as server:
        yield server


@pytest.fixture
def own_serving(tmp_path: Path) -> Iterator[Serving]:
    """A server process of the test's own."""
    with served(tmp_path) as server:
        yield server
