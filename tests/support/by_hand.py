"""A shop that is worked by hand, with a clock that stands still and a provider that can have trouble; the
modules of tests import what they use."""

from collections.abc import Callable

import pytest

from .clocks import StandingClock
from .fixtures import Environment
from .gateways import TroublesomeGateway
from .running_shop import Shop
from .ways import ByHand, Way


@pytest.fixture
def clock() -> StandingClock:
    """Friday noon, until it is put forward."""
    return StandingClock()


@pytest.fixture
def gateway() -> TroublesomeGateway:
    """A provider that counts its calls, and has trouble when a test says so."""
    return TroublesomeGateway()


@pytest.fixture
def way(
    persistence: Environment, open_way: Callable[..., Way], gateway: TroublesomeGateway, clock: StandingClock
) -> ByHand:
    """A system on every persistence; nothing in it moves by itself."""
    opened = open_way(ByHand, persistence, gateway, clock)
    assert isinstance(opened, ByHand)
    return opened


@pytest.fixture
def shop(way: ByHand) -> Shop:
    """A shop with five records on the shelf."""
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    return shop
