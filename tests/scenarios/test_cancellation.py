"""A customer cancels: before anything happened, in the middle, and after everything is done."""

import pytest

from domain.shared.errors import Contradiction
from tests.support.fixtures import OpenShop
from tests.support.gateways import GatedGateway
from tests.support.running_shop import Shop

REASON = "changed my mind"


def assert_unwound(shop: Shop, order: object) -> None:
    """Nothing is left behind: no money, no stock, no open question."""
    row = shop.dashboard()[str(order)]
    assert (row.status, row.fulfilment_status) == ("CANCELLED", "FAILED")
    assert shop.stock("CD-X1").reserved == 0


def test_while_the_charge_is_pending_the_money_goes_back_when_it_arrives(open_shop: OpenShop) -> None:
    gateway = GatedGateway()
    shop = open_shop(gateway)
    shop.receive("CD-X1", 10)
    gateway.shut()
    order = shop.order(("CD-X1", 1, "9.99"))
    shop.way.work_until(lambda: gateway.waiting)

    assert shop.cancel(order).status == "CANCELLED"
    # Were the provider to answer first, the stock would be reserved before the news is heard.
    shop.way.work_until(lambda: shop.saga(order).status == "COMPENSATING")
    gateway.open()
    shop.settle()

    assert_unwound(shop, order)
    assert shop.view(order).cancel_reason == REASON
    assert (shop.payment(order).status, shop.payment(order).refunded) == ("REFUNDED", "9.99")
    assert shop.log(order) == [
        "ProcessPayment EXECUTING 1",
        "ProcessPayment COMPLETED 1",
        "ProcessPayment COMPENSATING 1",
        "ProcessPayment COMPENSATED 1",
    ]


def test_while_a_charge_is_pending_that_is_then_declined_there_is_nothing_to_undo(
    open_shop: OpenShop,
) -> None:
    gateway = GatedGateway()
    shop = open_shop(gateway)
    shop.receive("CD-X1", 10)
    gateway.shut()
    order = shop.order("CD-X1", pays="pm_declined")
    shop.way.work_until(lambda: gateway.waiting)
    shop.cancel(order)
    gateway.open()
    shop.settle()

    assert_unwound(shop, order)
    assert shop.view(order).cancel_reason == REASON
    assert shop.payment(order).status == "DECLINED"
    assert shop.log(order) == ["ProcessPayment EXECUTING 1", "ProcessPayment FAILED 1"]


def test_after_confirmation_the_stock_is_released_and_then_the_money_given_back(shop: Shop) -> None:
    shop.receive("CD-X1", 10)
    order = shop.order(("CD-X1", 4, "2.50"))
    unlucky = shop.order(("CD-X1", 4, "2.50"), pays="pm_refund_fails_once")
    shop.settle()
    assert (shop.status(order), shop.status(unlucky)) == ("CONFIRMED", "CONFIRMED")
    assert shop.stock("CD-X1").reserved == 8

    for each in (order, unlucky):
        shop.cancel(each)
    shop.settle()

    for each in (order, unlucky):
        assert_unwound(shop, each)
        assert shop.view(each).confirmed_at is not None
        assert (shop.payment(each).status, shop.payment(each).refunded) == ("REFUNDED", "10.00")
    released = ["ReserveInventory COMPENSATING 1", "ReserveInventory COMPENSATED 1"]
    assert shop.log(order)[4:] == [
        *released,
        "ProcessPayment COMPENSATING 1",
        "ProcessPayment COMPENSATED 1",
    ]
    assert shop.log(unlucky)[4:] == [
        *released,
        "ProcessPayment COMPENSATING 1",
        "ProcessPayment COMPENSATING 1",
        "ProcessPayment COMPENSATED 2",
    ]


def test_right_after_placing_it_the_order_is_unwound_wherever_it_stands(shop: Shop) -> None:
    shop.receive("CD-X1", 10)
    orders = []
    for pays in ("pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_refund_fails_once"):
        order = shop.order("CD-X1", pays=pays)
        shop.cancel(order)
        orders.append(order)
    shop.settle()

    for order in orders:
        assert_unwound(shop, order)
        assert shop.view(order).cancel_reason == REASON
        assert shop.payment(order).status in ("REFUNDED", "DECLINED")


def test_the_released_stock_can_be_ordered_again(shop: Shop) -> None:
    shop.receive("CD-X1", 1)
    first = shop.order("CD-X1")
    shop.settle()
    shop.cancel(first)
    shop.settle()
    second = shop.order("CD-X1", customer="bob")
    shop.settle()

    assert (shop.status(first), shop.status(second)) == ("CANCELLED", "CONFIRMED")


def test_twice_contradicts_what_happened_and_changes_nothing(shop: Shop) -> None:
    shop.receive("CD-X1", 1)
    order = shop.order("CD-X1")
    shop.settle()
    shop.cancel(order)
    shop.settle()
    version, log = shop.view(order).version, shop.log(order)

    with pytest.raises(Contradiction) as refusal:
        shop.cancel(order, "really")
    shop.settle()

    assert refusal.value.code == "order_already_cancelled"
    assert (shop.view(order).version, shop.log(order)) == (version, log)
    assert shop.view(order).cancel_reason == REASON


def test_the_same_command_again_is_no_error_and_changes_nothing(shop: Shop) -> None:
    shop.receive("CD-X1", 1)
    order = shop.order("CD-X1")
    shop.settle()
    first = shop.cancel(order, command_id="cancel-1")
    again = shop.cancel(order, command_id="cancel-1")

    assert again.version == first.version


def test_an_order_that_we_cancelled_cannot_be_cancelled_by_the_customer(shop: Shop) -> None:
    order = shop.order("NEVER-RECEIVED")
    shop.settle()

    with pytest.raises(Contradiction) as refusal:
        shop.cancel(order)

    assert refusal.value.code == "order_already_cancelled"
    assert shop.view(order).cancel_reason == "not enough stock: NEVER-RECEIVED (asked 1, available 0)"
