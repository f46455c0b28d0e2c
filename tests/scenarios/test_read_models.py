"""What lists show is what was recorded, and what a new list made of the same events would show."""

from uuid import UUID

from application.queries import OrderQuery
from tests.support.agreement import assert_read_models_agree, live_rows, rebuilt_rows
from tests.support.running_shop import Shop

METHODS = ("pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_refund_fails", "pm_refund_fails_once")

OF_WHAT_IS_UNDER_WAY = ("saga_deadlines", "payment_calls", "payment_disputes")
"""Tables of what is awaited, due or in dispute: nothing is in the evening."""


def busy_day(shop: Shop) -> None:
    """Orders of every payment method: some confirmed, some without stock, some cancelled."""
    receipt = shop.receive("CD-X1", 10)
    shop.receive("TEAPOT", 100)
    for number, pays in enumerate(METHODS):
        shop.order(("TEAPOT", number + 1, "39.90"), pays=pays, customer="ada", ref=f"A-{number}")
        shop.order(("CD-X1", 2), ("TEAPOT", 1, "0"), pays=pays, customer="bob")
        shop.order("NOT-HERE", ("TEAPOT", 2), pays=pays, customer="cyd", currency="JPY")
    shop.settle()
    shop.correct("CD-X1", receipt, 20)
    for row in shop.dashboard(OrderQuery(customer_id="bob")).values():
        if row.status != "CANCELLED":
            shop.cancel(UUID(row.order_id))
    shop.settle()


def test_after_a_busy_day_they_agree_with_the_aggregates_and_with_rebuilt_ones(shop: Shop) -> None:
    busy_day(shop)

    assert_read_models_agree(shop)
    live, rebuilt = live_rows(shop.orderwright), rebuilt_rows(shop.orderwright)
    for table, rows in live.items():
        assert rows == rebuilt[table], table
        assert bool(rows) is (table not in OF_WHAT_IS_UNDER_WAY), table
    confirmed = shop.dashboard(OrderQuery(status="CONFIRMED"))
    assert {row.customer_id for row in confirmed.values()} == {"ada"}
