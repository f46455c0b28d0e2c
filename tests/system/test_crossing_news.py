"""News that cross on the way: what was asked for is settled, or refused, before the request is read."""

from collections.abc import Callable
from uuid import UUID

import pytest

from system.operations.positions import parked_events
from tests.support.agreement import events_of
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way


@pytest.fixture
def way(in_memory: Environment, open_way: Callable[..., Way]) -> ByHand:
    """A shop's system, advanced by hand."""
    opened = open_way(ByHand, in_memory, None, StandingClock())
    assert isinstance(opened, ByHand)
    return opened


@pytest.fixture
def shop(way: ByHand) -> Shop:
    """A shop with five records."""
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    return shop


def work_but_for_orders(way: ByHand) -> None:
    """Everybody works until there is nothing to do, and only Orders reads nothing."""
    others = [name for name in way.runner.loops if name != "Orders"]
    while sum(way.advance(name) for name in others) or way.call_gateway():
        pass


def last_request(shop: Shop, order: UUID) -> str:
    """What the saga of an order asked for last."""
    *_, last = (e for e in events_of(shop.orderwright.fulfilments) if e.order_id == order)
    return type(last).__name__


def test_an_order_that_is_cancelled_before_it_is_confirmed_is_not_confirmed_any_more(
    shop: Shop, way: ByHand
) -> None:
    order, other = shop.order("CD-X1"), shop.order("CD-X1")
    work_but_for_orders(way)
    assert last_request(shop, order) == "ConfirmationRequested"

    shop.cancel(order)
    shop.settle()

    assert parked_events(shop.orderwright) == []
    assert (shop.status(order), shop.view(order).confirmed_at) == ("CANCELLED", None)
    assert shop.payment(order).status == "REFUNDED"
    assert (shop.status(other), shop.stock("CD-X1").reserved) == ("CONFIRMED", 1)
    assert_at_rest(shop.orderwright)


def test_an_order_that_the_customer_cancels_before_we_do_is_cancelled_once_and_for_his_reason(
    shop: Shop, way: ByHand
) -> None:
    order, other = shop.order("CD-X1", pays="pm_declined"), shop.order("CD-X1", pays="pm_declined")
    work_but_for_orders(way)
    assert last_request(shop, order) == "CancellationRequested"

    shop.cancel(order, "changed my mind")
    shop.settle()

    assert parked_events(shop.orderwright) == []
    assert (shop.view(order).status, shop.view(order).cancel_reason) == ("CANCELLED", "changed my mind")
    assert shop.view(other).cancel_reason == "payment declined: the card was declined"
    assert_at_rest(shop.orderwright)
