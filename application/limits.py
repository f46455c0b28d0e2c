"""What every way in accepts as a text, a number or a date, before the domain is asked.

The HTTP API, the command line and the import draw the same lines, so that a value is not good
enough for one of them and refused by another. Each check raises a `DomainError` without a field:
the caller knows where the value stood.
"""

import re
import unicodedata
from datetime import date
from decimal import Decimal

from domain.orders.lines import MAX_LINES as MAX_LINES
from domain.shared.errors import InvalidValue
from domain.shared.money import InvalidAmount
from domain.shared.products import MAX_QUANTITY as MAX_QUANTITY
from domain.shared.products import InvalidQuantity

MAX_CORRELATION_ID = 255
MAX_CUSTOMER_ID = 128
MAX_ORDER_REF = 128
MAX_PAYMENT_METHOD = 64
MAX_REASON = 500
MAX_USER = 128

_AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?")
_QUANTITY = re.compile(r"-?[0-9]{1,15}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Control characters, line separators, marks that turn the direction of what follows, and non-characters.
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# Of these kinds no character is seen as what it is: controls, marks of format, line ends, private and
# unknown characters. Fillers, variation selectors and joiners are letters and marks by kind.
_UNSEEN_KINDS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_SEEN_AS_NOTHING = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0000, 0xE0FFF),
)  # fmt: skip
_SHOWN_LENGTH = 40


class InvalidText(InvalidValue):
    """A text has characters that cannot be shown (NUL, lone surrogates), or a blank at an end; or a name
    has characters that cannot be seen."""

    code = "invalid_text"


class InvalidLength(InvalidValue):
    """A text is empty or too long."""

    code = "invalid_length"


class InvalidDate(InvalidValue):
    """A date is written YYYY-MM-DD and exists in the calendar."""

    code = "invalid_date"


def check_text(text: str, longest: int) -> str:
    """Return the text when it can be shown and has 1 to `longest` characters."""
    if not text:
        raise InvalidLength("is empty")
    if len(text) > longest:
        raise InvalidLength(f"is longer than {longest} characters")
    if _NOT_TEXT.search(text):
        raise InvalidText("has control characters")
    if text != text.strip():
        raise InvalidText("begins or ends with a blank")
    return text


def check_name(text: str, longest: int) -> str:
    """The same for what names somebody or something: also without characters that cannot be seen, for
    two names that look alike have to be alike. What was taken before stays readable."""
    check_text(text, longest)
    if not text.isascii():
        for character in text:
            if _is_invisible(character):
                raise InvalidText(f"has a character that cannot be seen (U+{ord(character):04X})")
    return text


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN_KINDS or any(
        first <= ord(character) <= last for first, last in _SEEN_AS_NOTHING
    )


def amount_of(text: str) -> Decimal:
    """The amount that is written in plain digits, like ``11.77``: no NaN, exponent or blank.

    Whether it can be an amount of a currency, the domain says.
    """
    if not _AMOUNT.fullmatch(text):
        raise InvalidAmount(f"{shown(text)} is not an amount like 11.77")
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
