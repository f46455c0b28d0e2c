"""Goods come in, and a receipt that was recorded wrongly is corrected by an event that names it."""

import pytest

from domain.inventory import StockItem
from domain.shared.errors import NotFound, Refused
from domain.shared.ids import stock_item_id
from tests.support.running_shop import Shop


def test_a_correction_counts_from_then_on_and_names_the_receipt_and_the_reason(shop: Shop) -> None:
    receipt = shop.receive("CD-X1", 100)
    shop.receive("CD-X1", 7)
    shop.correct("CD-X1", receipt, 10, "a zero too many")
    shop.settle()

    stock = shop.stock("CD-X1")
    assert (stock.on_hand, stock.reserved, stock.available, stock.version) == (17, 0, 17, 4)
    *_, corrected = shop.orderwright.inventory.events.get(stock_item_id("CD-X1"))
    assert isinstance(corrected, StockItem.Corrected)
    assert (corrected.corrects, corrected.quantity, corrected.reason) == (receipt, 10, "a zero too many")


def test_what_is_promised_to_orders_cannot_be_corrected_away(shop: Shop) -> None:
    receipt = shop.receive("CD-X1", 5)
    order = shop.order(("CD-X1", 3))
    shop.settle()

    with pytest.raises(Refused) as refusal:
        shop.correct("CD-X1", receipt, 2)
    shop.correct("CD-X1", receipt, 3)
    shop.settle()

    assert refusal.value.code == "insufficient_stock"
    assert shop.status(order) == "CONFIRMED"
    stock = shop.stock("CD-X1")
    assert (stock.on_hand, stock.reserved, stock.available) == (3, 3, 0)


def test_after_a_correction_an_order_gets_only_what_is_really_there(shop: Shop) -> None:
    receipt = shop.receive("CD-X1", 10)
    shop.correct("CD-X1", receipt, 1)
    too_much, enough = shop.order(("CD-X1", 2)), shop.order("CD-X1")
    shop.settle()

    assert (shop.status(too_much), shop.status(enough)) == ("CANCELLED", "CONFIRMED")


def test_only_a_receipt_of_the_product_can_be_corrected(shop: Shop) -> None:
    shop.receive("CD-X1", 1)
    other = shop.receive("CD-X2", 1)

    with pytest.raises(NotFound) as refusal:
        shop.correct("CD-X1", other, 5)

    assert refusal.value.code == "receipt_not_found"


def test_the_same_receipt_again_counts_once(shop: Shop) -> None:
    first = shop.receive("CD-X1", 5, command_id="delivery-77")
    again = shop.receive("CD-X1", 5, command_id="delivery-77")
    shop.settle()

    assert first == again
    assert shop.stock("CD-X1").on_hand == 5
