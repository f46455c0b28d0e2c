"""A refund that fails for good stops the unwinding, keeps its place in the log, and calls for a person."""

from system.operations.doctor import Verdict, _examine_store
from tests.support.running_shop import Shop

GIVEN_UP = [
    *["ProcessPayment COMPENSATING 1", "ProcessPayment COMPENSATING 1"],
    *["ProcessPayment COMPENSATING 2", "ProcessPayment COMPENSATING 3", "ProcessPayment COMPENSATING 4"],
    "ProcessPayment COMPENSATION_FAILED 5",
]


def test_the_order_waits_for_a_person_the_doctor_says_so_and_others_go_on(shop: Shop) -> None:
    shop.receive("CD-X1", 2)
    too_much = shop.order(("CD-X1", 3, "20.00"), pays="pm_refund_fails")
    cancelled = shop.order(("CD-X1", 1, "20.00"), pays="pm_refund_fails")
    shop.settle()
    shop.cancel(cancelled)
    shop.settle()
    other = shop.order("CD-X1")
    shop.settle()

    for order in (too_much, cancelled):
        assert shop.saga(order).status == "COMPENSATING"
        assert shop.log(order)[-6:] == GIVEN_UP
        assert shop.errors(order)[-5:] == ["the provider refuses refunds"] * 5
        assert (shop.payment(order).status, shop.payment(order).refunded) == ("REFUND_FAILED", "0.00")
    assert shop.status(too_much) == "CREATED"  # it cannot be called cancelled: we still have the money
    assert shop.status(cancelled) == "CANCELLED"
    assert shop.stock("CD-X1").available == 1  # what the cancelled order held is released all the same
    assert shop.status(other) == "CONFIRMED"

    report = _examine_store(shop.orderwright, [])
    check = next(check for check in report.checks if check.name == "fulfilments")
    assert check.status is Verdict.PROBLEM
    assert str(too_much) in check.detail
    assert str(cancelled) in check.detail
    assert not report.is_healthy
