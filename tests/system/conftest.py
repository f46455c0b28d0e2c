"""Systems on every persistence, run by our runner in threads or by hand; and a shop in memory that is worked
by hand, with a clock that stands still."""

from collections.abc import Iterator

import pytest

from system.gateways.simulated import SimulatedGateway
from tests.support.clocks import StandingClock
from tests.support.fixtures import (
    durable_persistence,
    emptied_postgres,
    in_memory,
    on_postgres,
    on_sqlite,
    open_shop,
    open_way,
    persistence,
    quick_folder,
    shared_database,
    store_of_its_own,
    tuned_postgres,
)
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

__all__ = [
    "durable_persistence",
    "emptied_postgres",
    "in_memory",
    "on_postgres",
    "on_sqlite",
    "open_shop",
    "open_way",
    "persistence",
    "quick_folder",
    "shared_database",
    "store_of_its_own",
    "tuned_postgres",
]


@pytest.fixture
def clock() -> StandingClock:
    """Friday noon, until it is put forward."""
    return StandingClock()


@pytest.fixture
def by_hand(clock: StandingClock) -> Iterator[ByHand]:
    """A system in memory; nothing in it moves by itself."""
    way = ByHand({"PERSISTENCE_MODULE": "eventsourcing.popo"}, SimulatedGateway(), clock)
    yield way
    way.close()


@pytest.fixture
def shop(by_hand: ByHand) -> Shop:
    """The shop of that system."""
    return Shop(by_hand)
