"""The words in which stories about the applications ask for things."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from application.base import CommandContext
from application.orders import Item, PlaceOrder
from tests.support.stories import FRIDAY_NOON

TEAPOT = Item("TEAPOT", 1, Decimal("39.90"))
CUPS = Item("CUP", 6, Decimal("4.50"))


def asked(command_id: str, *, user: str = "ada", minutes: int = 0) -> CommandContext:
    """A command of that id, so many minutes after Friday noon."""
    return CommandContext(command_id, FRIDAY_NOON + timedelta(minutes=minutes), user)


def minutes_later(minutes: int) -> datetime:
    """So many minutes after Friday noon."""
    return FRIDAY_NOON + timedelta(minutes=minutes)


def an_order(
    *items: Item,
    customer: str = "ada",
    currency: str = "USD",
    ref: str | None = None,
    key: str | None = None,
    placed_on: date | None = None,
) -> PlaceOrder:
    """An order for a teapot and six cups, 66.90 USD, unless something else is said."""
    return PlaceOrder(customer, currency, "pm_ok", items or (TEAPOT, CUPS), ref, key, placed_on)
