"""A seeded shop: products, stock, and orders of every outcome.

Everything that an order leads to has a derived id: a second run with the same seed finds what is
there, and a larger one adds to it. Stock is received for blocks of orders, exactly as much as each
block needs, so that no order runs out of stock unless it is meant to.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from application.base import CommandContext
from application.queries import PageRequest, PaymentNotFound
from application.views import StockView
from domain.orders.order import OrderAlreadyCancelled
from domain.shared.errors import DomainError
from system.bootstrap import Orderwright

from .demo_orders import BLOCK, ENDINGS, RARE_ON_HAND, DemoOrder, DemoOrders


@dataclass
class EndingSummary:
    """What became of the orders that were meant to end alike. Amounts are in `CURRENCY`."""

    outcome: str
    payment_method: str
    orders: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    charged: Decimal = Decimal("0.00")
    refunded: Decimal = Decimal("0.00")


@dataclass
class Recorded:
    """What a run of the demo recorded, which a run before it had not."""

    receipts: int = 0
    orders: int = 0
    cancellations: int = 0

    @property
    def anything(self) -> bool:
        """Whether there was anything new."""
        return bool(self.receipts or self.orders or self.cancellations)


class DemoCommands:
    """What people do in a shop of the demo. Each of it can be done again and records nothing new then."""

    def __init__(self, orderwright: Orderwright, orders: DemoOrders, user: str | None) -> None:
        self._orderwright = orderwright
        self._orders = orders
        self._user = user
        self.recorded = Recorded()

    def receive(self, orders: Iterable[DemoOrder], what: str) -> None:
        """Receive what these orders need in all; `what` names them."""
        needed: Counter[str] = Counter()
        for order in orders:
            if not order.outcome.is_short:
                needed.update({item.sku: item.quantity for item in order.command.items})
        for sku, quantity in sorted(needed.items()):
            self._receive(sku, quantity, what)

    def receive_rare(self) -> None:
        """Receive the few of the product that some orders want too many of."""
        self._receive(self._orders.rare, RARE_ON_HAND, "rare")

    def place(self, orders: Iterable[DemoOrder]) -> None:
        """Place these orders, in one transaction."""
        commands = [order.command for order in orders]
        context = self._context(self._orders.key("orders"))
        for answer in self._orderwright.orders.place_orders(commands, context):
            if isinstance(answer, DomainError):
                raise answer
            self.recorded.orders += answer is not None

    def cancel(self, orders: Iterable[DemoOrder]) -> None:
        """Cancel, as the customers, those that are meant to end so. They should be confirmed."""
        for order in orders:
            if order.outcome.is_cancelled_later:
                context = self._context(f"{order.command.idempotency_key}:cancellation")
                try:
                    done = self._orderwright.orders.cancel_order(
                        order.command.order_id, "the customer changed their mind", context
                    )
                except OrderAlreadyCancelled:
                    continue  # by somebody else, which is as good
                self.recorded.cancellations += not done.replayed

    def _receive(self, sku: str, quantity: int, what: str) -> None:
        context = self._context(self._orders.key(f"{what}:{sku}"))
        written = self._orderwright.inventory.receive_stock(sku, quantity, context)
        self.recorded.receipts += not written.replayed

    def _context(self, command_id: str) -> CommandContext:
        return CommandContext(command_id, self._orderwright.clock(), self._user)


class Demo:
    """So many orders of the shop with a seed."""

    def __init__(self, orderwright: Orderwright, *, seed: int, orders: int, user: str | None) -> None:
        self._orderwright = orderwright
        self._shop = DemoOrders(seed)
        self._count = orders
        self._commands = DemoCommands(orderwright, self._shop, user)

    @property
    def recorded(self) -> Recorded:
        """What this run recorded."""
        return self._commands.recorded

    def receive_stock(self) -> None:
        """Receive what every block of orders needs."""
        self._commands.receive_rare()
        for block in range(-(-self._count // BLOCK)):
            self._commands.receive(self._orders(block * BLOCK, (block + 1) * BLOCK), f"block {block}")

    def place_orders(self, progress: Callable[[int], object] = lambda _: None) -> None:
        """Place the orders; `progress` is told how many are done."""
        for first in range(0, self._count, BLOCK):
            stop = min(first + BLOCK, self._count)
            self._commands.place(self._orders(first, stop))
            progress(stop)

    def cancel_orders(self) -> None:
        """Cancel, as the customers, the orders that are meant to end so. They should be confirmed."""
        self._commands.cancel(self._orders(0, self._count))

    def outcomes(self) -> list[EndingSummary]:
        """What became of the orders, by what they were meant to show."""
        found = {o.name: EndingSummary(o.name, o.payment_method) for o in ENDINGS}
        for order in self._orders(0, self._count):
            summary = found[order.outcome.name]
            summary.orders += 1
            view = self._orderwright.orders.order(order.command.order_id)
            summary.statuses[view.status] += 1
            charged, refunded = self._money(order.command.order_id)
            summary.charged += charged
            summary.refunded += refunded
        return [summary for summary in found.values() if summary.orders]

    def stock(self) -> list[StockView]:
        """The stock of the demo's products."""
        page = self._orderwright.stock_levels.list_stock(PageRequest(limit=500))
        return [item for item in page.items if item.sku in self._shop.skus]

    def _orders(self, first: int, stop: int) -> Iterator[DemoOrder]:
        return (self._shop.order(number) for number in range(first, stop))

    def _money(self, order_id: UUID) -> tuple[Decimal, Decimal]:
        try:
            payment = self._orderwright.payment_ledger.payment(order_id)
        except PaymentNotFound:
            return Decimal(0), Decimal(0)
        was_charged = payment.status not in ("REQUESTED", "DECLINED")
        return Decimal(payment.amount) if was_charged else Decimal(0), Decimal(payment.refunded)
