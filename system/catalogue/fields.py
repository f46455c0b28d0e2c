"""What stands in the fields of events: in which unit, and what becomes of it when an event is masked.

A field's name means the same in every event, so each name stands here once. One that is missing is told
when this is imported. What is not known how to mask is never given away: see `masking`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

from domain.fulfilment import Fulfilment
from domain.inventory import ReservedLine
from domain.orders import Order, OrderLine, OrderReference
from domain.shared.aggregates import Aggregate, Undecided
from domain.shared.products import ProductQuantity
from system.followers.parking import ParkingLot
from system.steps.table import SIDES


class Masked(Enum):
    """What becomes of a value when its event is masked."""

    STAYS = auto()
    """It counts something of the system, and says nothing of a shop."""
    WORD = auto()
    """A word that the code decides by stays; any other text is replaced as a name is."""
    NAME = auto()
    """Replaced by another name, the same one wherever it occurs in fields of this group."""
    ID = auto()
    """Replaced by another id, and what is derived from it by what is derived from that."""
    PIECES = auto()
    """Multiplied: what adds up goes on to add up."""
    MONEY = auto()
    """Replaced by another amount with the same decimals; a total is that of the replaced lines."""
    TIME = auto()
    """Moved, every time by as much."""


@dataclass(frozen=True)
class Field:
    """A name of a field: its unit or form in words, and how it is masked. Names of one `group` are
    replaced alike: the same text by the same one."""

    unit: str
    masked: Masked
    group: str = ""


_UTC = "UTC"
_PIECES = "pieces"
_MONEY = "in the event's currency, with exactly its decimals"
_EVENT = "id of an event"

FIELDS: Mapping[str, Field] = {
    # What every event says
    "timestamp": Field(f"{_UTC}; when it happened", Masked.TIME),
    "event_id": Field(f"{_EVENT}; derived from stream and version", Masked.ID),
    "correlation_id": Field("the conversation; about an order it is the order's id", Masked.ID, "any"),
    "causation_id": Field("the event, or the command, directly behind it", Masked.ID, "any"),
    "command_id": Field("the command behind it; null where there is none", Masked.ID, "any"),
    "user": Field("who asked for it; null where nobody is known", Masked.NAME, "user"),
    "originator_id": Field("the stream", Masked.ID),
    "originator_version": Field("the number of the event in its stream, from 1", Masked.STAYS),
    "originator_topic": Field("the kind of stream that begins", Masked.WORD),
    # Orders and products
    "order_id": Field("id of an order", Masked.ID),
    "order_ref": Field("the shop's own name of an order", Masked.NAME, "order_ref"),
    "customer_id": Field("the shop's own name of a customer", Masked.NAME, "customer"),
    "payment_method": Field("as the payment provider knows it", Masked.WORD, "payment_method"),
    "currency": Field("code of ISO 4217", Masked.WORD),
    "total": Field(_MONEY, Masked.MONEY),
    "amount": Field(_MONEY, Masked.MONEY),
    "unit_price": Field(_MONEY, Masked.MONEY),
    "items": Field("in the order of the lines", Masked.STAYS),
    "lines": Field("one for each product", Masked.STAYS),
    "placed_on": Field("the shop's own day of a migrated order", Masked.TIME),
    "sku": Field("the shop's own name of a product", Masked.NAME, "sku"),
    "quantity": Field(_PIECES, Masked.PIECES),
    "on_hand": Field(f"{_PIECES}, after the event", Masked.PIECES),
    "reserved": Field(f"{_PIECES}, after the event", Masked.PIECES),
    "stock_version": Field("the version of the stock item that recorded it", Masked.STAYS),
    "corrects": Field(f"{_EVENT}: of the receipt", Masked.ID, "any"),
    "receipt_command": Field("the command of the receipts", Masked.ID, "any"),
    "reason": Field("in words", Masked.NAME, "text"),
    "error": Field("in words", Masked.NAME, "text"),
    # The saga and its calls
    "step": Field("name of a step", Masked.WORD),
    "action": Field("what a person decided: retry, resume-from, force-complete or force-fail", Masked.WORD),
    "attempt": Field("counts from 1", Masked.STAYS),
    "attempts": Field("how many so far", Masked.STAYS),
    "times": Field("how many failures in a row", Masked.STAYS),
    "since": Field(f"{_UTC}; of the first of these failures", Masked.TIME),
    "due_at": Field(f"{_UTC}; when it is overdue", Masked.TIME),
    "next_at": Field(f"{_UTC}; when the next attempt is due", Masked.TIME),
    "reference": Field(
        "the provider's own name of a charge, or where a refund is written down", Masked.NAME, "charge"
    ),
    # What is parked
    "follower": Field("name of an application", Masked.WORD),
    "leader": Field("name of an application", Masked.WORD),
    "sequence": Field("what the event belongs to: as a rule the id of an order", Masked.ID, "any"),
    "position": Field("in the log of the leader", Masked.STAYS),
    "topic": Field("kind of event", Masked.WORD),
    "stream_id": Field("the stream of the parked event", Masked.ID),
    "stream_version": Field("the number of the parked event in its stream, from 1", Masked.STAYS),
}

METADATA = (
    *("timestamp", "event_id", "correlation_id", "causation_id", "command_id", "user"),
    *("originator_id", "originator_version", "originator_topic"),
)
"""What every event says; `originator_topic` only the first of a stream."""

AGGREGATES: tuple[type[Aggregate], ...] = (
    Order,
    OrderReference,
    Fulfilment,
    *(aggregate for side in SIDES for aggregate in side.aggregates),
    ParkingLot,
)
"""Every aggregate whose events are stored."""

_TYPES: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    Decimal: "decimal",
    UUID: "id",
    datetime: "time",
    date: "day",
    OrderLine: "order line",
    ProductQuantity: "product and quantity",
    ReservedLine: "reserved line",
}

VALUES: tuple[type[Any], ...] = (OrderLine, ProductQuantity, ReservedLine)
"""What stands in lists."""


@dataclass(frozen=True)
class FieldView:
    """A field of a kind of event: what a value is, its unit or form, and whether it may be null."""

    name: str
    type: str
    unit: str
    is_optional: bool


@cache
def own_fields(stored_class: type[Any]) -> tuple[FieldView, ...]:
    """The fields of a kind of event, or of a value that stands in one, in the order in which they are
    stored; without those that every event has."""
    hints = get_type_hints(stored_class)
    names = [field.name for field in fields(stored_class) if field.name not in METADATA]
    return tuple(_field(name, hints[name]) for name in names)


def _field(name: str, hint: Any) -> FieldView:
    is_optional = get_origin(hint) is UnionType
    if is_optional:
        (hint,) = (choice for choice in get_args(hint) if choice is not NoneType)
    unit = FIELDS[name].unit
    if get_origin(hint) is tuple:
        kind = get_args(hint)[0]
        parts = "; ".join(f"{part.name} ({part.type}, {part.unit})" for part in own_fields(kind))
        return FieldView(name, f"list of {_TYPES[kind]}", f"{unit}; each {parts}", is_optional)
    return FieldView(name, _TYPES[hint], unit, is_optional)


def check_fields(*classes: type[Any]) -> None:
    """Raise `Undecided` for a field of which nobody has said its unit."""
    unsaid = sorted({field.name for one in classes for field in fields(one)} - FIELDS.keys())
    if unsaid:
        raise Undecided(
            "the fields of events (system/catalogue/fields.py) do not say in which unit is "
            f"{', '.join(unsaid)}"
        )


check_fields(*VALUES, *(event for aggregate in AGGREGATES for event in aggregate.EVENTS.values()))
