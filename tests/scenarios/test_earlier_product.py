"""A product whose SKU an earlier release took and addresses change: what was ordered runs its course."""

from decimal import Decimal

import pytest

from application.orders import Item, PlaceOrder
from domain.shared.products import InvalidSku
from system.audit.run import audit
from tests.support.earlier import placed_earlier, received_earlier
from tests.support.running_shop import Shop

SKU = "A/../B"


def test_it_is_reserved_confirmed_and_put_back_and_never_taken_for_another(shop: Shop) -> None:
    shop.receive("B", 7)
    received_earlier(shop.orderwright.inventory, SKU, 5)
    order = placed_earlier(
        shop.orderwright.orders, PlaceOrder("ada", "USD", "pm_ok", [Item(SKU, 2, Decimal("4.50"))])
    )
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert [(shop.stock(sku).on_hand, shop.stock(sku).reserved) for sku in (SKU, "B")] == [(5, 2), (7, 0)]

    shop.cancel(order)
    shop.settle()

    assert (shop.status(order), shop.payment(order).status) == ("CANCELLED", "REFUNDED")
    assert [(shop.stock(sku).on_hand, shop.stock(sku).reserved) for sku in (SKU, "B")] == [(5, 0), (7, 0)]
    assert audit(shop.orderwright).is_clean
    with pytest.raises(InvalidSku):
        shop.order(SKU)
