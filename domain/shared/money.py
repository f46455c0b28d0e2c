"""Exact money: a decimal amount in an ISO 4217 currency, never a float."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from .currencies import DECIMALS, why_refused
from .errors import InvalidValue

MAX_MAJOR_UNITS = Decimal(10) ** 12
"""Amounts reach up to this many whole units of a currency; its minor units fit 64 bits."""


class UnknownCurrency(InvalidValue):
    """The code is not an active ISO 4217 currency that customers pay with."""

    code = "unknown_currency"


class InvalidAmount(InvalidValue):
    """The amount is not finite, is negative, too large, or has more decimals than its currency."""

    code = "invalid_amount"


def check_currency(code: str) -> str:
    """Return the code when there are orders in it, now or of old, else raise `UnknownCurrency`."""
    if code not in DECIMALS:
        raise UnknownCurrency(str(why_refused(code)), field="/currency")
    return code


def check_new_currency(code: str) -> str:
    """Return the code when an order can be placed in it today, else raise `UnknownCurrency`."""
    why = why_refused(code)
    if why is not None:
        raise UnknownCurrency(why, field="/currency")
    return code


@dataclass(frozen=True)
class Money:
    """A non-negative amount, stored with exactly the decimals of its currency.

    >>> str(Money(Decimal("5"), "USD"))
    '5.00 USD'
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        decimals = DECIMALS[check_currency(self.currency)]
        if not self.amount.is_finite():
            raise InvalidAmount(f"{self.amount} is not a finite amount")
        if self.amount < 0:
            raise InvalidAmount(f"{self.amount} is below zero")
        if self.amount >= MAX_MAJOR_UNITS:
            raise InvalidAmount(f"an amount must stay below {MAX_MAJOR_UNITS:f}")
        exact = self.amount.quantize(Decimal(1).scaleb(-decimals))
        if exact != self.amount:
            raise InvalidAmount(
                f"{self.amount} has more decimals than {self.currency} has ({decimals})",
            )
        object.__setattr__(self, "amount", exact.copy_abs())  # "-0" is zero

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """Nothing, in this currency."""
        return cls(Decimal(0), currency)

    @classmethod
    def of_minor(cls, minor: int, currency: str) -> "Money":
        """Money from whole minor units, for instance cents."""
        return cls(Decimal(minor).scaleb(-DECIMALS[check_currency(currency)]), currency)

    @cached_property
    def minor(self) -> int:
        """The amount in whole minor units, for instance cents."""
        return int(self.amount.scaleb(DECIMALS[self.currency]))

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise InvalidAmount(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def times(self, quantity: int) -> "Money":
        """This amount, `quantity` times over."""
        return Money(self.amount * quantity, self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
