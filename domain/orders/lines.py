"""The lines of an order and the rules about them."""

from dataclasses import dataclass, replace
from decimal import Decimal

from domain.shared.errors import InvalidValue, Refused
from domain.shared.money import Money, check_new_currency
from domain.shared.products import InvalidSku, check_new_sku, check_quantity, check_sku

MAX_LINES = 500


class OrderWithoutItems(Refused):
    """An order needs at least one item."""

    code = "order_without_items"


class TooManyItems(Refused):
    """An order has at most 500 lines."""

    code = "too_many_items"


class OrderTotalNotPositive(Refused):
    """The total of an order is above zero; single lines may be free."""

    code = "order_total_not_positive"


@dataclass(frozen=True)
class OrderLine:
    """So many of one product at one price. The price may be zero."""

    sku: str
    quantity: int
    unit_price: Decimal

    def __post_init__(self) -> None:
        check_sku(self.sku)
        check_quantity(self.quantity)


def check_new(lines: tuple[OrderLine, ...], currency: str) -> None:
    """Raise what earlier releases took and a new order may not have: a currency that is no longer in
    use, or a SKU that addresses change. Orders that were placed with them stand."""
    check_new_currency(currency)
    for number, line in enumerate(lines):
        try:
            check_new_sku(line.sku)
        except InvalidSku as error:
            raise InvalidSku(error.message, field=f"/items/{number}/sku") from None


def priced(lines: tuple[OrderLine, ...], currency: str) -> tuple[tuple[OrderLine, ...], Money]:
    """The lines with prices in the currency's own decimals, and their exact total.

    Raises a `DomainError` whose `field` points at the line and part that broke a rule.
    """
    if not lines:
        raise OrderWithoutItems("an order needs at least one item", field="/items")
    if len(lines) > MAX_LINES:
        raise TooManyItems(f"an order has at most {MAX_LINES} items", field="/items")
    total = Money.zero(currency)
    exact = []
    for number, line in enumerate(lines):
        try:
            price = Money(line.unit_price, currency)
            total += price.times(line.quantity)
        except InvalidValue as error:
            raise type(error)(error.message, field=f"/items/{number}/unit_price") from None
        exact.append(replace(line, unit_price=price.amount))
    if not total.minor:
        raise OrderTotalNotPositive("the total of an order must be above zero", field="/items")
    return tuple(exact), total
