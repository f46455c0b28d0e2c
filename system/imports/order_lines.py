"""What one line of an order file says: a line of an order, or a whole order.

Values follow the rules of `application.limits`; what the business thinks of them is asked later.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, TypeVar

from application.limits import (
    MAX_CUSTOMER_ID,
    MAX_ORDER_REF,
    MAX_PAYMENT_METHOD,
    amount_of,
    check_name,
    date_of,
    quantity_of,
    shown,
)
from application.orders import Item
from domain.shared.errors import DomainError

COLUMNS = ("order_ref", "customer_id", "placed_on", "sku", "quantity", "unit_price", "currency")
"""The header of a CSV file, and the fields of a line in a JSON lines file."""

_OF_THE_ORDER = ("order_ref", "customer_id", "placed_on", "currency")
_OF_THE_ITEM = ("sku", "quantity", "unit_price")
_OPTIONAL = ("placed_on", "payment_method")

T = TypeVar("T")


class InvalidLine(Exception):
    """A line that is not as it should be. The reference is None when it could not be read."""

    def __init__(self, code: str, reason: str, order_ref: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.order_ref = order_ref


class OrderFields(NamedTuple):
    """What every line of an order repeats. Without a payment method the file's default holds."""

    customer_id: str
    currency: str
    placed_on: date | None
    payment_method: str | None


@dataclass(frozen=True)
class OrderLine:
    """What a line says: some items of an order, or all of them."""

    order_ref: str
    fields: OrderFields
    items: tuple[Item, ...]
    is_whole_order: bool


def json_line(text: str) -> OrderLine:
    """What a line says that is a JSON object. Raises `InvalidLine`."""
    try:
        found = json.loads(
            text,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidLine("malformed_line", f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidLine("malformed_line", "is not a JSON object")
    if "items" in found:
        return _whole_order(found)
    return line_of(found)


class _Number(str):
    """A JSON number as it was written; it is never made a float."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def line_of(values: Mapping[str, Any]) -> OrderLine:
    """What the named values of a line say. Raises `InvalidLine`."""
    reference = _reference(values)
    _check_names(values, reference, (*_OF_THE_ORDER, *_OF_THE_ITEM))
    return OrderLine(reference, _fields(values, reference), (_item(values, reference),), is_whole_order=False)


def _whole_order(values: Mapping[str, Any]) -> OrderLine:
    reference = _reference(values)
    _check_names(values, reference, (*_OF_THE_ORDER, "items"))
    if not isinstance(values["items"], list):
        raise InvalidLine("malformed_line", "items: is not a list", reference)
    items = []
    for number, item in enumerate(values["items"]):
        where = f"items/{number}"
        if not isinstance(item, dict):
            raise InvalidLine("malformed_line", f"{where}: is not an object", reference)
        _check_names(item, reference, _OF_THE_ITEM, f"{where}/")
        items.append(_item(item, reference, f"{where}/"))
    return OrderLine(reference, _fields(values, reference), tuple(items), is_whole_order=True)


def _reference(values: Mapping[str, Any]) -> str:
    if "order_ref" not in values:
        raise InvalidLine("missing_field", "order_ref: is missing")
    return _read(values, "order_ref", _order_ref, None)


def _check_names(values: Mapping[str, Any], reference: str, wanted: tuple[str, ...], where: str = "") -> None:
    for name in wanted:
        if name not in values and name not in _OPTIONAL:
            raise InvalidLine("missing_field", f"{where}{name}: is missing", reference)
    allowed = wanted if where else (*wanted, "payment_method")
    for name in values:
        if name not in allowed:
            raise InvalidLine("unknown_field", f"{where}{shown(name)}: there is no such field", reference)


def _fields(values: Mapping[str, Any], reference: str) -> OrderFields:
    return OrderFields(
        _read(values, "customer_id", lambda text: check_name(text, MAX_CUSTOMER_ID), reference),
        _read(values, "currency", _as_it_is, reference),
        _read(values, "placed_on", date_of, reference) if values.get("placed_on") else None,
        _read(values, "payment_method", _payment_method, reference) if "payment_method" in values else None,
    )


def _item(values: Mapping[str, Any], reference: str, where: str = "") -> Item:
    return Item(
        _read(values, "sku", _as_it_is, reference, where),
        _read(values, "quantity", quantity_of, reference, where, is_number=True),
        _read(values, "unit_price", amount_of, reference, where, is_number=True),
    )


def _read(
    values: Mapping[str, Any],
    name: str,
    rule: Callable[[str], T],
    reference: str | None,
    where: str = "",
    *,
    is_number: bool = False,
) -> T:
    value = values[name]
    if not isinstance(value, str) or (isinstance(value, _Number) and not is_number):
        raise InvalidLine("malformed_line", f"{where}{name}: is not a {_kind(is_number)}", reference)
    try:
        return rule(str(value))
    except DomainError as error:
        raise InvalidLine(error.code, f"{where}{name}: {error.message}", reference) from None


def _order_ref(text: str) -> str:
    return check_name(text, MAX_ORDER_REF)


def _payment_method(text: str) -> str:
    return check_name(text, MAX_PAYMENT_METHOD)


def _as_it_is(text: str) -> str:
    """The domain has a rule for the whole of it."""
    return text


def _kind(is_number: bool) -> Literal["number", "text"]:
    return "number" if is_number else "text"


def sound_reference(text: str) -> str | None:
    """The reference that a damaged line gives; None when it is none."""
    try:
        return _order_ref(text)
    except DomainError:
        return None
