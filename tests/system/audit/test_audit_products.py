"""The rules of the audit about a product, each broken once; and events that cannot be read."""

from collections.abc import Mapping
from uuid import UUID

import pytest

from domain.inventory import StockItem
from domain.shared.ids import payment_id
from system.audit import Rule, audit, audit_order
from tests.support.planting import NOBODY, plant, plant_stored, vandal
from tests.support.running_shop import Shop

from .test_audit_rules import offences, offenders, order, the_item

__all__ = ["order"]


def check_product(shop: Shop, found: Mapping[Rule, str]) -> None:
    """The audit names CD-X1 and nobody else, for this and nothing else."""
    report = audit(shop.orderwright)
    assert offences(report) == found
    assert offenders(report) == {"CD-X1"}


def test_stock_that_is_reserved_for_nobody(shop: Shop, order: UUID) -> None:
    item = the_item(shop)
    with vandal():
        item.reserve(NOBODY, 2)
    shop.orderwright.inventory.save(item)

    check_product(shop, {Rule.RESERVED_IS_HELD: "5 reserved"})
    stock = audit(shop.orderwright).stock
    assert stock is not None
    assert (stock.on_hand, stock.available, stock.reserved, stock.received, stock.held) == (
        *(107, 102),
        *(5, 107, 3),
    )


def test_stock_that_was_never_received(shop: Shop, order: UUID) -> None:
    balance = {"sku": "CD-X1", "on_hand": 105, "reserved": 3}
    plant(shop.orderwright.inventory, the_item(shop), StockItem.Received, quantity=3, **balance)

    found = {
        Rule.ON_HAND_IS_RECEIVED: "105 on hand",
        Rule.STOCK_ADDS_UP: "105 on hand and 3 reserved",
    }
    check_product(shop, found)


def test_a_correction_counts_instead_of_its_receipt(shop: Shop, order: UUID) -> None:
    receipt = shop.receive("CD-X1", 10)
    shop.correct("CD-X1", receipt, 4)
    shop.correct("CD-X1", receipt, 6)
    report = audit(shop.orderwright)
    assert report.is_clean
    assert report.stock is not None
    assert report.stock.received == 113
    balance = {"sku": "CD-X1", "on_hand": 109, "reserved": 3}
    plant(
        shop.orderwright.inventory,
        the_item(shop),
        StockItem.Corrected,
        corrects=receipt,
        quantity=8,
        reason="miscounted",
        **balance,
    )

    found = {
        Rule.ON_HAND_IS_RECEIVED: "109 on hand",
        Rule.STOCK_ADDS_UP: "109 on hand and 3 reserved",
    }
    check_product(shop, found)


def test_a_product_that_is_oversold(shop: Shop, order: UUID) -> None:
    balance = {"sku": "CD-X1", "on_hand": 100, "reserved": 103}
    plant(
        shop.orderwright.inventory,
        the_item(shop),
        StockItem.Reserved,
        order_id=NOBODY,
        quantity=100,
        **balance,
    )

    found = {
        Rule.STOCK_NOT_NEGATIVE: "100 on hand, 103 reserved, -3 available",
        Rule.RESERVED_IS_HELD: "103 reserved",
    }
    check_product(shop, found)


def test_a_balance_that_does_not_follow_from_the_one_before_it(shop: Shop, order: UUID) -> None:
    inventory, facts = shop.orderwright.inventory, {"sku": "CD-X1", "on_hand": 100, "order_id": NOBODY}
    plant(inventory, the_item(shop), StockItem.Reserved, quantity=2, reserved=4, **facts)
    plant(inventory, the_item(shop), StockItem.Released, quantity=1, reserved=3, **facts)

    check_product(shop, {Rule.STOCK_ADDS_UP: "100 on hand and 4 reserved"})
    (offender,) = audit(shop.orderwright).offenders
    assert offender.expected == "100 on hand and 5 reserved at version 6"


@pytest.mark.parametrize("topic", ["Payment.Completed", "Payment.FromTheFuture"])
def test_an_event_of_an_order_that_cannot_be_read(shop: Shop, order: UUID, topic: str) -> None:
    plant_stored(shop.orderwright.payments, payment_id(order), 3, topic, b"{")

    for report in (audit(shop.orderwright), audit_order(shop.orderwright, order)):
        (offender,) = report.offenders
        assert (offender.rule, offender.order_id) == (Rule.READABLE, str(order))
        assert topic in offender.found


@pytest.mark.parametrize(
    ("application", "topic"),
    [
        ("Orders", "Order.Created"),
        ("Payments", "Payment.Requested"),
        ("OrderFulfilment", "Fulfilment.Begun"),
        ("Inventory", "Reservation.Released"),
    ],
)
def test_an_event_of_nobody_that_cannot_be_read(
    shop: Shop, order: UUID, application: str, topic: str
) -> None:
    plant_stored(shop.orderwright.applications[application], NOBODY, 1, topic, b"{}")

    (offender,) = audit(shop.orderwright).offenders
    assert offender.rule == Rule.READABLE
    assert str(NOBODY) in (offender.order_id or offender.found)
    assert (offender.sku, offender.expected) == (None, "events that can be read")


def test_an_event_of_a_product_that_cannot_be_read(shop: Shop, order: UUID) -> None:
    item = the_item(shop)
    plant_stored(shop.orderwright.inventory, item.id, item.version + 1, "StockItem.Received", b"{")

    (offender,) = audit(shop.orderwright).offenders
    assert (offender.rule, offender.sku) == (Rule.READABLE, "CD-X1")


def test_a_product_whose_first_event_cannot_be_read_is_named_by_its_stream(shop: Shop, order: UUID) -> None:
    plant_stored(shop.orderwright.inventory, NOBODY, 1, "StockItem.Introduced", b"{")

    (offender,) = audit(shop.orderwright).offenders
    assert (offender.rule, offender.sku) == (Rule.READABLE, str(NOBODY))
