"""An order as it was: at each version, and at each moment."""

from datetime import timedelta

import pytest

from application.orders import OrderNotFound
from tests.support.clocks import StandingClock
from tests.support.fixtures import OpenShop


def test_an_order_can_be_seen_at_each_version_and_as_of_each_moment(open_shop: OpenShop) -> None:
    clock = StandingClock()
    shop = open_shop(clock=clock)
    orders = shop.orderwright.orders
    shop.receive("CD-X1", 1)
    placed_at = clock.now
    order = shop.order("CD-X1")
    clock.put_forward(600)
    shop.settle()
    confirmed_at = shop.view(order).confirmed_at
    assert confirmed_at is not None
    clock.put_forward(600)
    cancelled_at = clock.now
    shop.cancel(order)
    shop.settle()

    assert [orders.order_at_version(order, version).status for version in (1, 2, 3)] == [
        "CREATED",
        "CONFIRMED",
        "CANCELLED",
    ]
    assert orders.order_as_of(order, placed_at).status == "CREATED"
    just_before = cancelled_at - timedelta(microseconds=1)
    assert orders.order_as_of(order, max(placed_at, confirmed_at)).status == "CONFIRMED"
    assert orders.order_as_of(order, just_before).status == "CONFIRMED"
    assert orders.order_as_of(order, cancelled_at).status == "CANCELLED"
    assert orders.order_as_of(order, cancelled_at + timedelta(days=365)) == shop.view(order)
    for version in (0, -1, 4):
        with pytest.raises(OrderNotFound):
            orders.order_at_version(order, version)
    with pytest.raises(OrderNotFound):
        orders.order_as_of(order, placed_at - timedelta(microseconds=1))
