"""What earlier releases took and today's refuses: it stays readable, and what was begun goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from domain.inventory import stock_item
from domain.orders import lines
from domain.shared.money import UnknownCurrency
from domain.shared.products import InvalidSku
from tests.support.fixtures import OpenShop
from tests.support.invariants import assert_at_rest

OLD = "A/../B"


@contextmanager
def an_earlier_release() -> Iterator[None]:
    """The rules for new things as they were: there were none beyond those for reading."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (lines, stock_item):
            patch.setattr(module, "check_new_sku", lambda sku: sku)
        patch.setattr(lines, "check_new_currency", lambda code: code)
        yield


@pytest.mark.parametrize("currency", ["ANG", "BGN"])
def test_an_order_in_a_withdrawn_currency_is_fulfilled_and_refunded(
    open_shop: OpenShop, currency: str
) -> None:
    shop = open_shop()
    shop.receive("CD-X1", 5)
    with an_earlier_release():
        order = shop.order("CD-X1", currency=currency)
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert shop.orderwright.orders.order(order).currency == currency
    shop.cancel(order)
    shop.settle()
    assert shop.status(order) == "CANCELLED"
    assert shop.orderwright.payment_ledger.payment(order).refunded
    assert_at_rest(shop.orderwright)
    with pytest.raises(UnknownCurrency, match=f"{currency} was replaced"):
        shop.order("CD-X1", currency=currency)


def test_a_product_whose_name_an_address_would_resolve_is_read_and_sold_no_more(open_shop: OpenShop) -> None:
    shop = open_shop()
    with an_earlier_release():
        shop.receive(OLD, 5)
        order = shop.order(OLD)
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert shop.orderwright.stock_levels.stock(OLD).reserved == 1
    with pytest.raises(InvalidSku):
        shop.receive(OLD, 5)
    with pytest.raises(InvalidSku) as refused:
        shop.order(OLD)
    assert refused.value.field == "/items/0/sku"
    shop.cancel(order)
    shop.settle()
    assert shop.orderwright.stock_levels.stock(OLD).reserved == 0
