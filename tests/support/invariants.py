"""What must hold at any moment, and what must hold once everything is at rest."""

from collections import Counter, defaultdict
from decimal import Decimal
from uuid import UUID

from domain.fulfilment import Fulfilment, SagaStatus
from domain.orders import OrderStatus
from domain.payments import Payment, PaymentStatus
from domain.shared.ids import fulfilment_id, payment_id
from system.bootstrap import Orderwright

from .agreement import all_orders, all_stock, events_of


def assert_stock_balances(orderwright: Orderwright) -> None:
    """Never oversold, and every product's events add up: on hand = received, as corrected."""
    received: dict[str, dict[str, int]] = defaultdict(dict)
    reserved: Counter[str] = Counter()
    for event in events_of(orderwright.inventory):
        match type(event).__name__:
            case "Received" if hasattr(event, "sku"):
                received[event.sku][event.event_id] = event.quantity
            case "Corrected":
                received[event.sku][event.corrects] = event.quantity
            case "Reserved":
                reserved[event.sku] += event.quantity
            case "Released" if hasattr(event, "sku"):
                reserved[event.sku] -= event.quantity
            case _:
                continue
        if hasattr(event, "on_hand"):
            assert 0 <= event.reserved <= event.on_hand, f"{event.sku} is oversold"
            assert event.on_hand == sum(received[event.sku].values())
            assert event.reserved == reserved[event.sku]
    for item in all_stock(orderwright):
        assert item.on_hand == item.available + item.reserved
        assert (item.on_hand, item.reserved) == (sum(received[item.sku].values()), reserved[item.sku])


def assert_charged_at_most_once(orderwright: Orderwright) -> None:
    """No order has two charges, or a refund it did not pay."""
    references: dict[UUID, set[str]] = defaultdict(set)
    refunds: Counter[UUID] = Counter()
    for event in events_of(orderwright.payments):
        if isinstance(event, Payment.Completed):
            references[event.order_id].add(event.reference)
        if isinstance(event, Payment.Refunded):
            refunds[event.order_id] += 1
    for order_id, charges in references.items():
        assert len(charges) == 1, f"order {order_id} was charged {len(charges)} times"
    assert all(count == 1 and order_id in references for order_id, count in refunds.items())
    every_reference = [reference for charges in references.values() for reference in charges]
    assert len(every_reference) == len(set(every_reference))


def assert_at_rest(orderwright: Orderwright) -> None:
    """Every order has come to its end, and neither money nor stock is left behind."""
    wanted: Counter[str] = Counter()
    for order in all_orders(orderwright):
        payment = orderwright.payments.find(Payment, payment_id(order.id))
        fulfilment = orderwright.fulfilments.find(Fulfilment, fulfilment_id(order.id))
        assert fulfilment is not None, f"order {order.id} was never begun"
        assert order.status in (OrderStatus.CONFIRMED, OrderStatus.CANCELLED), f"order {order.id} hangs"
        is_confirmed = order.status is OrderStatus.CONFIRMED
        assert fulfilment.status is (SagaStatus.COMPLETED if is_confirmed else SagaStatus.FAILED)
        assert _kept(payment) == (order.total.amount if is_confirmed else Decimal(0)), f"order {order.id}"
        if is_confirmed:
            for line in order.items:
                wanted[line.sku] += line.quantity
    for item in all_stock(orderwright):
        assert item.reserved == wanted[item.sku], f"{item.sku} is not reserved for whom it should be"


def _kept(payment: Payment | None) -> Decimal:
    """Captured - refunded."""
    if payment is None or payment.reference is None or payment.status is PaymentStatus.REFUNDED:
        return Decimal(0)
    return payment.amount.amount
