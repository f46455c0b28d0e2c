"""What each payment method of the simulated provider leads to, with stock and without."""

import pytest

from tests.support.running_shop import Shop

CHARGED = ["ProcessPayment EXECUTING 1", "ProcessPayment COMPLETED 1"]
CHARGED_AT_SECOND = [
    "ProcessPayment EXECUTING 1",
    "ProcessPayment EXECUTING 1",
    "ProcessPayment COMPLETED 2",
]
RESERVED = ["ReserveInventory EXECUTING 1", "ReserveInventory COMPLETED 1"]
NO_STOCK = ["ReserveInventory EXECUTING 1", "ReserveInventory FAILED 1"]
REFUNDED = ["ProcessPayment COMPENSATING 1", "ProcessPayment COMPENSATED 1"]


@pytest.mark.parametrize(
    ("pays", "log", "errors"),
    [
        ("pm_ok", CHARGED, []),
        ("pm_error_once", CHARGED_AT_SECOND, ["the provider is temporarily unavailable"]),
        ("pm_timeout", CHARGED_AT_SECOND, ["the provider did not answer in time"]),
        ("pm_refund_fails", CHARGED, []),
        ("pm_refund_fails_once", CHARGED, []),
    ],
)
def test_an_order_that_can_be_paid_and_held_is_confirmed(
    shop: Shop, pays: str, log: list[str], errors: list[str]
) -> None:
    shop.receive("CD-X1", 10)
    order = shop.order(("CD-X1", 3, "12.50"), pays=pays)
    shop.settle()

    assert shop.status(order) == "CONFIRMED"
    assert shop.saga(order).status == "COMPLETED"
    assert shop.log(order) == log + RESERVED
    assert shop.errors(order) == errors
    payment = shop.payment(order)
    assert (payment.status, payment.amount, payment.refunded) == ("COMPLETED", "37.50", "0.00")
    stock = shop.stock("CD-X1")
    assert (stock.on_hand, stock.reserved, stock.available) == (10, 3, 7)


@pytest.mark.parametrize(
    ("pays", "reason"),
    [
        ("pm_declined", "payment declined: the card was declined"),
        ("pm_sea_shells", "payment declined: unknown payment method 'pm_sea_shells'"),
    ],
)
def test_an_order_that_is_declined_is_cancelled_with_the_reason_and_holds_nothing(
    shop: Shop, pays: str, reason: str
) -> None:
    shop.receive("CD-X1", 10)
    order = shop.order(("CD-X1", 3), pays=pays)
    shop.settle()

    assert shop.status(order) == "CANCELLED"
    assert shop.view(order).cancel_reason == reason
    assert shop.saga(order).status == "FAILED"
    assert shop.log(order) == ["ProcessPayment EXECUTING 1", "ProcessPayment FAILED 1"]
    assert shop.errors(order) == [reason]
    assert shop.payment(order).status == "DECLINED"
    assert shop.stock("CD-X1").available == 10


@pytest.mark.parametrize(
    ("pays", "charge", "refund"),
    [
        ("pm_ok", CHARGED, REFUNDED),
        ("pm_error_once", CHARGED_AT_SECOND, REFUNDED),
        ("pm_timeout", CHARGED_AT_SECOND, REFUNDED),
        (
            "pm_refund_fails_once",
            CHARGED,
            [
                "ProcessPayment COMPENSATING 1",
                "ProcessPayment COMPENSATING 1",
                "ProcessPayment COMPENSATED 2",
            ],
        ),
    ],
)
def test_an_order_that_cannot_be_held_is_refunded_and_cancelled_with_the_reason(
    shop: Shop, pays: str, charge: list[str], refund: list[str]
) -> None:
    shop.receive("CD-X1", 2)
    order = shop.order(("CD-X1", 3, "12.50"), pays=pays)
    shop.settle()

    reason = "not enough stock: CD-X1 (asked 3, available 2)"
    assert shop.status(order) == "CANCELLED"
    assert shop.view(order).cancel_reason == reason
    assert shop.saga(order).status == "FAILED"
    assert shop.log(order) == charge + NO_STOCK + refund
    assert reason in shop.errors(order)
    payment = shop.payment(order)
    assert (payment.status, payment.amount, payment.refunded) == ("REFUNDED", "37.50", "37.50")
    assert shop.stock("CD-X1").reserved == 0


def test_what_happened_to_one_order_does_not_touch_the_others(shop: Shop) -> None:
    shop.receive("CD-X1", 2)
    methods = ["pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_ok"]
    orders = [shop.order("CD-X1", pays=pays, customer=f"customer-{pays}") for pays in methods]
    shop.settle()

    statuses = [shop.status(order) for order in orders]
    assert statuses[1] == "CANCELLED"
    assert sorted(statuses) == ["CANCELLED"] * 3 + ["CONFIRMED"] * 2
    assert shop.stock("CD-X1").available == 0
    kept = sum(shop.payment(order).status == "COMPLETED" for order in orders)
    assert kept == 2
