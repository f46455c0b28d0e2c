"""What each payment method of the simulated provider leads to, with stock and without."""

from uuid import UUID

from tests.support.running_shop import Shop

CHARGED = ["ProcessPayment EXECUTING 1", "ProcessPayment COMPLETED 1"]
CHARGED_AT_SECOND = [
    "ProcessPayment EXECUTING 1",
    "ProcessPayment EXECUTING 1",
    "ProcessPayment COMPLETED 2",
]
CHARGED_WHEN_ASKED_AGAIN = [
    "ProcessPayment EXECUTING 1",
    "ProcessPayment EXECUTING 1",
    "ProcessPayment COMPLETED 1",
]
RESERVED = ["ReserveInventory EXECUTING 1", "ReserveInventory COMPLETED 1"]
NO_STOCK = ["ReserveInventory EXECUTING 1", "ReserveInventory FAILED 1"]
REFUNDED = ["ProcessPayment COMPENSATING 1", "ProcessPayment COMPENSATED 1"]
REFUNDED_AT_SECOND = [
    "ProcessPayment COMPENSATING 1",
    "ProcessPayment COMPENSATING 1",
    "ProcessPayment COMPENSATED 2",
]
UNAVAILABLE = "the provider is temporarily unavailable"
NO_ANSWER = "the provider did not answer in time"

CHARGE_LOG = {
    "pm_ok": CHARGED,
    "pm_error_once": CHARGED_AT_SECOND,
    "pm_timeout": CHARGED_WHEN_ASKED_AGAIN,
    "pm_refund_fails": CHARGED,
    "pm_refund_fails_once": CHARGED,
}
CHARGE_ERRORS = {"pm_error_once": [UNAVAILABLE], "pm_timeout": [NO_ANSWER]}


def orders_by_method(shop: Shop, *methods: str) -> dict[str, UUID]:
    """An order for three records, 37.50 in all, with each payment method; and then it is quiet."""
    orders = {pays: shop.order(("CD-X1", 3, "12.50"), pays=pays) for pays in methods}
    shop.settle()
    return orders


def test_an_order_that_can_be_paid_and_held_is_confirmed(shop: Shop) -> None:
    shop.receive("CD-X1", 20)

    for pays, order in orders_by_method(shop, *CHARGE_LOG).items():
        assert shop.status(order) == "CONFIRMED", pays
        assert shop.saga(order).status == "COMPLETED", pays
        assert shop.log(order) == CHARGE_LOG[pays] + RESERVED
        assert shop.errors(order) == CHARGE_ERRORS.get(pays, [])
        payment = shop.payment(order)
        assert (payment.status, payment.amount, payment.refunded) == ("COMPLETED", "37.50", "0.00")
    stock = shop.stock("CD-X1")
    assert (stock.on_hand, stock.reserved, stock.available) == (20, 15, 5)


def test_an_order_that_is_declined_is_cancelled_with_the_reason_and_holds_nothing(shop: Shop) -> None:
    shop.receive("CD-X1", 10)
    reasons = {
        "pm_declined": "payment declined: the card was declined",
        "pm_sea_shells": "payment declined: unknown payment method 'pm_sea_shells'",
    }

    for pays, order in orders_by_method(shop, *reasons).items():
        assert shop.status(order) == "CANCELLED"
        assert shop.view(order).cancel_reason == reasons[pays]
        assert shop.saga(order).status == "FAILED"
        assert shop.log(order) == ["ProcessPayment EXECUTING 1", "ProcessPayment FAILED 1"]
        assert shop.errors(order) == [reasons[pays]]
        assert shop.payment(order).status == "DECLINED"
    assert shop.stock("CD-X1").available == 10


def test_an_order_that_cannot_be_held_is_refunded_and_cancelled_with_the_reason(shop: Shop) -> None:
    shop.receive("CD-X1", 2)
    reason = "not enough stock: CD-X1 (asked 3, available 2)"

    for pays, order in orders_by_method(
        shop, "pm_ok", "pm_error_once", "pm_timeout", "pm_refund_fails_once"
    ).items():
        trouble = pays == "pm_refund_fails_once"
        assert shop.status(order) == "CANCELLED", pays
        assert shop.view(order).cancel_reason == reason
        assert shop.saga(order).status == "FAILED"
        refund = REFUNDED_AT_SECOND if trouble else REFUNDED
        assert shop.log(order) == CHARGE_LOG[pays] + NO_STOCK + refund
        assert shop.errors(order) == [
            *CHARGE_ERRORS.get(pays, []),
            reason,
            *([UNAVAILABLE] if trouble else []),
        ]
        payment = shop.payment(order)
        assert (payment.status, payment.amount, payment.refunded) == ("REFUNDED", "37.50", "37.50")
    assert shop.stock("CD-X1").reserved == 0


def test_what_happens_to_one_order_does_not_touch_the_others(shop: Shop) -> None:
    shop.receive("CD-X1", 2)
    methods = ["pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_ok"]
    orders = [shop.order("CD-X1", pays=pays, customer=f"customer-{pays}") for pays in methods]
    shop.settle()

    statuses = [shop.status(order) for order in orders]
    assert statuses[1] == "CANCELLED"
    assert sorted(statuses) == ["CANCELLED"] * 3 + ["CONFIRMED"] * 2
    assert shop.stock("CD-X1").available == 0
    assert sorted(shop.payment(order).status for order in orders) == [
        *["COMPLETED"] * 2,
        "DECLINED",
        *["REFUNDED"] * 2,
    ]
