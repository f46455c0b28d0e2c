"""Many settled orders in a short time: the events that a runner would have led to, appended directly."""

from decimal import Decimal
from uuid import UUID

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, Fulfilment
from domain.inventory import Reservation, StockItem
from domain.orders import Order, OrderLine
from domain.payments import Payment
from domain.shared.causes import Cause, because_of
from domain.shared.ids import order_id_from_ref, stock_item_id
from domain.shared.money import Money
from domain.shared.products import ProductQuantity
from system.bootstrap import Orderwright

from .stories import FRIDAY_NOON

SKU = "TEAPOT"
PRICE = Decimal("39.90")


def add_settled_orders(orderwright: Orderwright, orders: int, *, first: int = 0, page: int = 500) -> None:
    """Append so many confirmed orders for one teapot each, and the teapots."""
    with because_of(_cause(first)):
        teapots = orderwright.inventory.find(StockItem, stock_item_id(SKU)) or StockItem.introduce(SKU)
        teapots.receive(orders, f"receipt-{first}")
        orderwright.inventory.save(teapots)
    for begin in range(first, first + orders, page):
        _append(orderwright, range(begin, min(begin + page, first + orders)), teapots)


def _append(orderwright: Orderwright, numbers: range, teapots: StockItem) -> None:
    made: dict[str, list[Order | Fulfilment | Payment | Reservation]] = {"o": [], "f": [], "p": [], "r": []}
    for number in numbers:
        order_id = order_id_from_ref(f"settled-{number}")
        with because_of(_cause(order_id)):
            order = Order.place(
                order_id,
                customer_id="ada",
                currency="USD",
                payment_method="pm_ok",
                items=(OrderLine(SKU, 1, PRICE),),
            )
            order.confirm()
            total, lines = Money(PRICE, "USD"), (ProductQuantity(SKU, 1),)
            fulfilment = Fulfilment.start(order_id, payment_method="pm_ok", total=total, lines=lines)
            fulfilment.step_completed(PROCESS_PAYMENT)
            fulfilment.step_completed(RESERVE_INVENTORY)
            fulfilment.order_confirmed()
            payment = Payment.request(order_id, payment_method="pm_ok", amount=total)
            payment.complete(f"charge-{number}", 1)
            reservation = Reservation.decide(order_id, lines, {SKU: teapots})
        made["o"].append(order)
        made["f"].append(fulfilment)
        made["p"].append(payment)
        made["r"].append(reservation)
    orderwright.orders.save(*made["o"])
    orderwright.fulfilments.save(*made["f"])
    orderwright.payments.save(*made["p"])
    orderwright.inventory.save(teapots, *made["r"])


def _cause(conversation: UUID | int) -> Cause:
    return Cause.command(
        time=FRIDAY_NOON, correlation_id=conversation, command_id=f"c-{conversation}", user="ada"
    )
