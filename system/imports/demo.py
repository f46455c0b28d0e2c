"""A seeded shop: products, stock, and orders of every outcome.

The order with a number depends on the seed and the number alone, and everything it leads to has a
derived id: a second run with the same seed finds what is there, and a larger one adds to it.
Stock is received for blocks of orders, exactly as much as each block needs, so that no order runs
out of stock unless it is meant to.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from uuid import UUID

from application.base import CommandContext
from application.orders import Item, PlaceOrder
from application.queries import PageRequest, PaymentNotFound
from application.views import StockView
from domain.orders.order import OrderAlreadyCancelled
from domain.shared.errors import DomainError
from system.bootstrap import Orderwright

CURRENCY = "USD"
BLOCK = 20
_VERSION = 1
"""Stands in every key: other products or outcomes need other keys."""

PRODUCTS = {
    "TEA-ASSAM": "8.90",
    "TEA-DARJEELING": "12.50",
    "TEA-EARL-GREY": "7.40",
    "TEA-JASMINE": "9.80",
    "TEA-LAPSANG": "11.20",
    "TEA-MATCHA": "24.00",
    "CUP-BLUE": "4.50",
    "CUP-WHITE": "4.20",
    "KETTLE": "39.90",
    "SPOON": "1.75",
    "STRAINER": "6.30",
    "TEAPOT": "32.00",
}
RARE, RARE_PRICE, RARE_ON_HAND = "TEAPOT-GOLD", "480.00", 3


@dataclass(frozen=True)
class Ending:
    """How an order of the demo is meant to end, and what makes it end so."""

    name: str
    payment_method: str = "pm_ok"
    is_short: bool = False
    is_cancelled_later: bool = False


ENDINGS = (
    Ending("confirmed"),
    Ending("payment declined", "pm_declined"),
    Ending("payment fails once", "pm_error_once"),
    Ending("payment times out", "pm_timeout"),
    Ending("short of stock", is_short=True),
    Ending("cancelled by the customer", is_cancelled_later=True),
    Ending("refund fails once", "pm_refund_fails_once", is_short=True),
    Ending("refund fails", "pm_refund_fails", is_short=True),
)
_REPEATED = {"confirmed": 10, "payment declined": 2, "short of stock": 2}


@dataclass(frozen=True)
class DemoOrder:
    """An order of the demo."""

    outcome: Ending
    command: PlaceOrder


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


class Demo:
    """So many orders of the shop with a seed."""

    def __init__(self, orderwright: Orderwright, *, seed: int, orders: int, user: str | None) -> None:
        self._orderwright = orderwright
        self._seed = seed
        self._count = orders
        self._user = user
        self.recorded = Recorded()

    def receive_stock(self) -> None:
        """Receive what every block of orders needs."""
        self._receive(RARE, RARE_ON_HAND, "rare")
        for block in range(-(-self._count // BLOCK)):
            needed: Counter[str] = Counter()
            for number in range(block * BLOCK, (block + 1) * BLOCK):
                order = self.order(number)
                if not order.outcome.is_short:
                    needed.update({item.sku: item.quantity for item in order.command.items})
            for sku, quantity in sorted(needed.items()):
                self._receive(sku, quantity, f"block {block}")

    def place_orders(self, progress: Callable[[int], object] = lambda _: None) -> None:
        """Place the orders; `progress` is told how many are done."""
        for first in range(0, self._count, BLOCK):
            numbers = range(first, min(first + BLOCK, self._count))
            commands = [self.order(number).command for number in numbers]
            for answer in self._orderwright.orders.place_orders(commands, self._context(self._key("orders"))):
                if isinstance(answer, DomainError):
                    raise answer
                self.recorded.orders += answer is not None
            progress(numbers.stop)

    def cancel_orders(self) -> None:
        """Cancel, as the customers, the orders that are meant to end so. They should be confirmed."""
        for order in self._orders():
            if order.outcome.is_cancelled_later:
                context = self._context(f"{order.command.idempotency_key}:cancellation")
                try:
                    done = self._orderwright.orders.cancel_order(
                        order.command.order_id, "the customer changed their mind", context
                    )
                except OrderAlreadyCancelled:
                    continue  # by somebody else, which is as good
                self.recorded.cancellations += not done.replayed

    def outcomes(self) -> list[EndingSummary]:
        """What became of the orders, by what they were meant to show."""
        found = {o.name: EndingSummary(o.name, o.payment_method) for o in ENDINGS}
        for order in self._orders():
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
        return [item for item in page.items if item.sku in PRODUCTS or item.sku == RARE]

    def order(self, number: int) -> DemoOrder:
        """The order with a number, from 0."""
        block, place = divmod(number, BLOCK)
        outcome = _outcomes_of_block(Random(f"{self._seed}:{block}"))[place]
        random = Random(f"{self._seed}:{block}:{place}")
        items = [
            Item(sku, random.randint(1, 3), Decimal(PRODUCTS[sku]))
            for sku in random.sample(sorted(PRODUCTS), random.randint(1, 3))
        ]
        if outcome.is_short:
            items.append(Item(RARE, RARE_ON_HAND + random.randint(1, 3), Decimal(RARE_PRICE)))
        command = PlaceOrder(
            customer_id=f"customer-{random.randint(1, 60):02}",
            currency=CURRENCY,
            payment_method=outcome.payment_method,
            items=items,
            order_ref=f"demo-{self._seed}-{number + 1:05}",
            idempotency_key=self._key(str(number)),
        )
        return DemoOrder(outcome, command)

    def _orders(self) -> Iterator[DemoOrder]:
        return (self.order(number) for number in range(self._count))

    def _receive(self, sku: str, quantity: int, what: str) -> None:
        context = self._context(self._key(f"{what}:{sku}"))
        written = self._orderwright.inventory.receive_stock(sku, quantity, context)
        self.recorded.receipts += not written.replayed

    def _money(self, order_id: UUID) -> tuple[Decimal, Decimal]:
        try:
            payment = self._orderwright.payment_ledger.payment(order_id)
        except PaymentNotFound:
            return Decimal(0), Decimal(0)
        was_charged = payment.status not in ("REQUESTED", "DECLINED")
        return Decimal(payment.amount) if was_charged else Decimal(0), Decimal(payment.refunded)

    def _key(self, what: str) -> str:
        return f"demo-{_VERSION}:{self._seed}:{what}"

    def _context(self, command_id: str) -> CommandContext:
        return CommandContext(command_id, self._orderwright.clock(), self._user)


def _outcomes_of_block(random: Random) -> list[Ending]:
    """Every outcome at least once, in an order of the block's own."""
    outcomes = [outcome for outcome in ENDINGS for _ in range(_REPEATED.get(outcome.name, 1))]
    outcomes += [ENDINGS[0]] * (BLOCK - len(outcomes))
    random.shuffle(outcomes)
    return outcomes
