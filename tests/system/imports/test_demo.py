"""The demo: every outcome, the same shop for the same seed, and nothing new the second time."""

from decimal import Decimal

from system.imports.demo import Demo
from system.imports.demo_orders import BLOCK, ENDINGS, PRODUCTS, RARE
from tests.support.running_shop import Shop


def run(shop: Shop, *, orders: int = BLOCK, seed: int = 42) -> Demo:
    demo = Demo(shop.orderwright, seed=seed, orders=orders, user="ada")
    demo.receive_stock()
    demo.place_orders()
    shop.settle()
    demo.cancel_orders()
    shop.settle()
    return demo


def test_every_outcome_is_shown_and_ends_as_it_should(shop: Shop) -> None:
    outcomes = {summary.outcome: summary for summary in run(shop).outcomes()}
    assert list(outcomes) == [outcome.name for outcome in ENDINGS]
    assert sum(summary.orders for summary in outcomes.values()) == BLOCK
    statuses = {name: list(summary.statuses) for name, summary in outcomes.items()}
    assert statuses == {
        "confirmed": ["CONFIRMED"],
        "payment declined": ["CANCELLED"],
        "payment fails once": ["CONFIRMED"],
        "payment times out": ["CONFIRMED"],
        "short of stock": ["CANCELLED"],
        "cancelled by the customer": ["CANCELLED"],
        "refund fails once": ["CANCELLED"],
        "refund fails": ["CREATED"],
    }
    for name, summary in outcomes.items():
        is_kept = name in ("confirmed", "payment fails once", "payment times out", "refund fails")
        assert summary.refunded == (Decimal(0) if is_kept else summary.charged)
        assert (summary.charged > 0) == (name != "payment declined")


def test_the_same_seed_again_records_nothing_new(shop: Shop) -> None:
    first = run(shop)
    assert first.recorded.anything
    assert (first.recorded.orders, first.recorded.cancellations) == (BLOCK, 1)
    heads = [a.recorder.max_notification_id() for a in shop.orderwright.applications.values()]
    second = run(shop)
    assert not second.recorded.anything
    assert [a.recorder.max_notification_id() for a in shop.orderwright.applications.values()] == heads
    assert second.outcomes() == first.outcomes()


def test_a_larger_demo_adds_to_a_smaller_one(shop: Shop) -> None:
    run(shop, orders=5)
    assert run(shop, orders=BLOCK + 5).recorded.orders == BLOCK
    assert all(item.available >= 0 for item in run(shop, orders=BLOCK + 5).stock())


def test_another_seed_is_another_shop_beside_it(shop: Shop) -> None:
    assert run(shop).recorded.orders == BLOCK
    assert run(shop, seed=7).recorded.orders == BLOCK


def test_the_stock_of_every_product_balances(shop: Shop) -> None:
    stock = {item.sku: item for item in run(shop, orders=2 * BLOCK).stock()}
    assert stock.keys() <= {*PRODUCTS, RARE}
    assert all(item.on_hand == item.reserved + item.available for item in stock.values())
    assert stock[RARE].reserved == 0
