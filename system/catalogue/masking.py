"""Masks events: no name, reference, id, text, amount or time of a shop is left, and all still fits together.

What is replaced is replaced by the same wherever it stands, by a secret that is kept nowhere. Ids that are
derived from others are derived anew from what those became, so streams, references and causes fit as
before. Quantities are multiplied and times are moved, all by as much.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from hmac import digest
from typing import Any
from uuid import UUID

from domain.fulfilment import STEPS
from domain.inventory import ReservedLine, supply_id
from domain.orders import OrderLine
from domain.shared.aggregates import EVENT_TYPES
from domain.shared.currencies import DECIMALS
from domain.shared.ids import event_id, order_id_from_ref, stock_item_id
from domain.shared.products import ProductQuantity
from system.definition import orderwright as definition
from system.gateways.simulated import PAYMENT_METHODS
from system.steps.streams import streams_of

from .fields import AGGREGATES, FIELDS, Masked

WORDS = frozenset(
    {
        *EVENT_TYPES,
        *(aggregate.TOPIC for aggregate in AGGREGATES),
        *definition.nodes,
        *(step.name for step in STEPS),
        *PAYMENT_METHODS,
        *DECIMALS,
        *("retry", "resume-from", "force-complete", "force-fail"),
    }
)
"""Texts that the code decides by: they are ours, and no shop's."""

_LONGEST_SHIFT_DAYS = 3650
_PRICES = 9_999
"""A price becomes one of so many of the smallest units that it has."""


class Unmaskable(Exception):
    """An event has something of which it is not known how to mask it. Nothing of it is given away."""


class Secret:
    """Replaces single values, each by the same one always. Without it nobody can tell what they were."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self.factor = 2 + self._number("factor") % 5
        self.shift = timedelta(
            days=-1 - self._number("days") % _LONGEST_SHIFT_DAYS, seconds=-(self._number("seconds") % 86_400)
        )

    def name(self, group: str, text: str) -> str:
        """Another name of the same group."""
        return f"{group or 'text'}-{self._hashed(group, text).hex()[:10]}"

    def uuid(self, value: UUID) -> UUID:
        """Another id."""
        return UUID(bytes=self._hashed("uuid", value.hex)[:16], version=5)

    def price(self, amount: Decimal) -> Decimal:
        """Another amount with as many decimals. Nothing stays nothing."""
        if not amount:
            return amount
        units = 1 + self._number("price", str(amount)) % _PRICES
        return Decimal(units).scaleb(int(amount.as_tuple().exponent))

    def _number(self, *parts: str) -> int:
        return int.from_bytes(self._hashed(*parts)[:8])

    def _hashed(self, *parts: str) -> bytes:
        return digest(self._key, "\x1f".join(parts).encode(), sha256)


ReferenceOf = Callable[[UUID], str | None]
"""Tells the reference of an order, if it has one."""


@dataclass
class Mask:
    """Masks the events of one story. `learn` what is derived from what first, then mask each."""

    secret: Secret
    reference_of: ReferenceOf
    _ids: dict[UUID, UUID] = field(default_factory=dict)
    _orders: set[UUID] = field(default_factory=set)
    _event_ids: dict[str, str] = field(default_factory=dict)
    _amounts: dict[Decimal, Decimal] = field(default_factory=dict)

    def learn(self, topic: str, state: Mapping[str, Any]) -> None:
        """What an event tells of which id comes from what, and of what its lines come to."""
        for name in ("order_id", "correlation_id", "sequence"):
            order_id = _as_uuid(state.get(name))
            if order_id is not None:
                self._learn_order(order_id)
        if isinstance(state.get("sku"), str):
            self._ids[stock_item_id(state["sku"])] = stock_item_id(self.secret.name("sku", state["sku"]))
        reference = state.get("order_ref")
        if isinstance(reference, str):
            new = self.secret.name(FIELDS["order_ref"].group, reference)
            self._ids[order_id_from_ref(reference)] = order_id_from_ref(new)
            self._ids[supply_id(reference)] = supply_id(new)
        if topic == "Order.Created":
            self._learn_total(state)

    def learn_parking_lot(self, stream_id: UUID) -> None:
        """A parking lot is that of a follower, and stays where it is."""
        self._ids[stream_id] = stream_id

    def learn_place(self, stream_id: UUID, version: int) -> None:
        """There is an event at this version of this stream, which others may name."""
        self._event_ids[event_id(stream_id, version)] = event_id(self.stream(stream_id), version)

    def stream(self, stream_id: UUID) -> UUID:
        """What became of the id of a stream, or of any other id."""
        return self._ids.get(stream_id) or self.secret.uuid(stream_id)

    def masked(self, topic: str, state: Mapping[str, Any]) -> dict[str, Any]:
        """The state of an event, masked. Raises `Unmaskable`."""
        return {name: self._field(topic, name, value) for name, value in state.items()}

    def _learn_order(self, order_id: UUID) -> None:
        if order_id in self._orders:
            return
        self._orders.add(order_id)
        reference = self.reference_of(order_id)
        new = self.secret.uuid(order_id)
        if reference is not None and order_id_from_ref(reference) == order_id:
            new = order_id_from_ref(self.secret.name(FIELDS["order_ref"].group, reference))
        there = streams_of(new)
        self._ids.update({stream_id: there[name] for name, stream_id in streams_of(order_id).items()})

    def _learn_total(self, state: Mapping[str, Any]) -> None:
        lines, total = state.get("items"), state.get("total")
        if isinstance(lines, list) and isinstance(total, Decimal):
            come_to = sum(
                (self._line(line).unit_price * self._line(line).quantity for line in lines), Decimal(0)
            )
            self._amounts[total] = come_to.quantize(total)

    def _field(self, topic: str, name: str, value: Any) -> Any:
        if value is None or name == "class_version":
            return value
        if name not in FIELDS:
            raise Unmaskable(f"{topic} has a field {name!r}, of which it is not known how to mask it")
        field_ = FIELDS[name]
        match field_.masked, value:
            case Masked.STAYS, bool() | int():
                return value
            case Masked.STAYS, list() | tuple():
                return [self._line(line) for line in value]
            case Masked.WORD, str():
                return value if value in WORDS else self.secret.name(field_.group, value)
            case Masked.NAME, str():
                return self.secret.name(field_.group, value)
            case Masked.ID, UUID():
                return self.stream(value)
            case Masked.ID, str():
                return self._id(value)
            case Masked.PIECES, int():
                return value * self.secret.factor
            case Masked.MONEY, Decimal():
                return self._amounts.get(value) or self.secret.price(value)
            case Masked.TIME, datetime():
                return value + self.secret.shift
            case Masked.TIME, date():
                return value + timedelta(days=self.secret.shift.days)
        kind = type(value).__name__
        raise Unmaskable(f"{topic} has a {kind} in {name!r}, of which it is not known how to mask it")

    def _id(self, text: str) -> str:
        if text in self._event_ids:
            return self._event_ids[text]
        as_uuid = _as_uuid(text)
        if as_uuid is not None:
            return str(self.stream(as_uuid))
        return text if text in WORDS else self.secret.name("command", text)

    def _line(self, line: Any) -> Any:
        match line:
            case OrderLine(sku, quantity, price):
                return OrderLine(self._sku(sku), self._pieces(quantity), self.secret.price(price))
            case ProductQuantity(sku, quantity):
                return ProductQuantity(self._sku(sku), self._pieces(quantity))
            case ReservedLine(sku, quantity, version):
                return ReservedLine(self._sku(sku), self._pieces(quantity), version)
        raise Unmaskable(f"a list has a {type(line).__name__}, of which it is not known how to mask it")

    def _sku(self, sku: str) -> str:
        return self.secret.name("sku", sku)

    def _pieces(self, quantity: int) -> int:
        return quantity * self.secret.factor


def _as_uuid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    try:
        found = UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if str(found) == value else None
