"""Which orders a shop of the demo has: the one with a number depends on the seed and the number alone."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from application.orders import Item, PlaceOrder

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
    """How an order of the demo is meant to end, and what makes it end so.

    Such an order leads to so many `events` in all applications together, and to `line_events` more for each
    of its lines.
    """

    name: str
    events: int
    line_events: int = 0
    payment_method: str = "pm_ok"
    is_short: bool = False
    is_cancelled_later: bool = False


ENDINGS = (
    Ending("confirmed", 13, 1),
    Ending("payment declined", 12, payment_method="pm_declined"),
    Ending("payment fails once", 15, 1, payment_method="pm_error_once"),
    Ending("payment times out", 15, 1, payment_method="pm_timeout"),
    Ending("short of stock", 19, is_short=True),
    Ending("cancelled by the customer", 24, 2, is_cancelled_later=True),
    Ending("refund fails once", 21, payment_method="pm_refund_fails_once", is_short=True),
    Ending("refund fails", 23, payment_method="pm_refund_fails", is_short=True),
)
_REPEATED = {"confirmed": 10, "payment declined": 2, "short of stock": 2}


@dataclass(frozen=True)
class DemoOrder:
    """An order of the demo."""

    outcome: Ending
    command: PlaceOrder

    @property
    def events(self) -> int:
        """How many events it leads to, in all applications together."""
        return self.outcome.events + self.outcome.line_events * len(self.command.items)


class DemoOrders:
    """The orders of one shop. `shop` stands in what they are known by; products end with `suffix`."""

    def __init__(self, seed: int, *, shop: str = "demo", suffix: str = "", customers: int = 60) -> None:
        self._seed = seed
        self._shop = shop
        self._customers = customers
        self._prices = {sku + suffix: Decimal(price) for sku, price in sorted(PRODUCTS.items())}
        self.rare = RARE + suffix
        self.skus = (*self._prices, self.rare)

    def order(self, number: int) -> DemoOrder:
        """The order with a number, from 0."""
        block, place = divmod(number, BLOCK)
        outcome = _outcomes_of_block(Random(f"{self._seed}:{block}"))[place]
        random = Random(f"{self._seed}:{block}:{place}")
        items = [
            Item(sku, random.randint(1, 3), self._prices[sku])
            for sku in random.sample(list(self._prices), random.randint(1, 3))
        ]
        if outcome.is_short:
            items.append(Item(self.rare, RARE_ON_HAND + random.randint(1, 3), Decimal(RARE_PRICE)))
        command = PlaceOrder(
            customer_id=f"customer-{random.randint(1, self._customers):02}",
            currency=CURRENCY,
            payment_method=outcome.payment_method,
            items=items,
            order_ref=f"{self._shop}-{self._seed}-{number + 1:05}",
            idempotency_key=self.key(str(number)),
        )
        return DemoOrder(outcome, command)

    def key(self, what: str) -> str:
        """The key under which something is commanded."""
        return f"{self._shop}-{_VERSION}:{self._seed}:{what}"


def _outcomes_of_block(random: Random) -> list[Ending]:
    """Every outcome at least once, in an order of the block's own."""
    outcomes = [outcome for outcome in ENDINGS for _ in range(_REPEATED.get(outcome.name, 1))]
    outcomes += [ENDINGS[0]] * (BLOCK - len(outcomes))
    random.shuffle(outcomes)
    return outcomes
