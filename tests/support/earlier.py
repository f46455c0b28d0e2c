"""What earlier releases recorded under rules that were laxer than today's."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from application.base import CommandContext
from application.inventory import Inventory
from application.orders import Orders, PlaceOrder
from domain.inventory import StockItem
from domain.orders import Order, OrderLine
from domain.shared.causes import because_of
from domain.shared.ids import stock_item_id
from tests.support.stories import FRIDAY_NOON


@contextmanager
def _then(about: UUID) -> Iterator[None]:
    with because_of(CommandContext("of-an-earlier-release", FRIDAY_NOON, "ada").cause(about)):
        yield


def placed_earlier(orders: Orders, command: PlaceOrder) -> UUID:
    """Place an order as an earlier release did; its id."""
    lines = tuple(OrderLine(item.sku, item.quantity, item.unit_price) for item in command.items)
    order_id = command.order_id
    with _then(order_id):
        order = Order.place(
            order_id,
            customer_id=command.customer_id,
            currency=command.currency,
            payment_method=command.payment_method,
            items=lines,
            order_ref=command.order_ref,
            again=True,
        )
    orders.save(order)
    return order_id


def received_earlier(inventory: Inventory, sku: str, quantity: int) -> str:
    """Receive a product as an earlier release did; the id of the receipt."""
    with _then(stock_item_id(sku)):
        item = StockItem.begin(StockItem.Introduced, stock_item_id(sku), sku=sku)
        item.trigger_event(StockItem.Received, sku=sku, on_hand=quantity, reserved=0, quantity=quantity)
    inventory.save(item)
    return next(iter(item.receipts))
