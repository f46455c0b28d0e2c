"""What every way in accepts as a text, a number or a date, before the domain is asked.

The HTTP API, the command line and the import share these rules, so that a value is not good
enough for one of them and refused by another. Each raises a `DomainError` without a field: the
caller knows where the value stood.
"""

import re
from datetime import date
from decimal import Decimal

from domain.orders.lines import MAX_LINES
from domain.shared.errors import InvalidValue
from domain.shared.money import InvalidAmount
from domain.shared.products import MAX_QUANTITY, InvalidQuantity

__all__ = [
    "MAX_LINES",
    "MAX_NAME_LENGTH",
    "MAX_QUANTITY",
    "MAX_REASON_LENGTH",
    "InvalidDate",
    "InvalidText",
    "amount_of",
    "check_text",
    "date_of",
    "quantity_of",
    "shown",
]

MAX_NAME_LENGTH = 100
"""Characters in a customer id, an order reference, a payment method or the name of a user."""

MAX_REASON_LENGTH = 500
"""Characters in a reason that a person gives."""

_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,4})?", re.ASCII)
_QUANTITY = re.compile(r"[0-9]{1,7}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SHOWN_LENGTH = 40


class InvalidText(InvalidValue):
    """A text is empty, too long, or has characters that cannot be shown (NUL, lone surrogates)."""

    code = "invalid_text"


class InvalidDate(InvalidValue):
    """A date is written YYYY-MM-DD and exists in the calendar."""

    code = "invalid_date"


def check_text(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """Return the text when it has 1 to `longest` printable characters, not all of them spaces."""
    if not text.strip():
        raise InvalidText("is empty")
    if len(text) > longest:
        raise InvalidText(f"is longer than {longest} characters")
    if not text.isprintable():
        raise InvalidText("has characters that cannot be shown, for instance a NUL or a line break")
    return text


def amount_of(text: str) -> Decimal:
    """The amount that is written in plain digits, like ``11.77``; never a float, NaN or exponent."""
    if not _AMOUNT.fullmatch(text):
        raise InvalidAmount(
            f"{shown(text)} is not an amount: up to 12 digits, and up to 4 decimals after a point"
        )
    return Decimal(text)


def quantity_of(text: str) -> int:
    """The quantity that is written in plain digits. Whether it is within limits, the domain says."""
    if not _QUANTITY.fullmatch(text):
        raise InvalidQuantity(f"{shown(text)} is not a whole number from 1 to {MAX_QUANTITY}")
    return int(text)


def date_of(text: str) -> date:
    """The date that is written YYYY-MM-DD."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidDate(f"{shown(text)} is not a date like 1997-01-31")


def shown(text: str) -> str:
    """A value as an error message may show it: quoted, on one line, not too long."""
    return repr(text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 3]}...")
