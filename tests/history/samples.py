"""One fixed sample of every kind of event, built from its fields alone.

The values below are part of every frozen file. Add to them for a new kind of field; changing one
would make every frozen file that holds it look changed.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

from eventsourcing.domain import AggregateCreated, AggregateEvent

from domain.inventory import ReservedLine
from domain.orders import OrderLine
from domain.shared.aggregates import EVENT_TYPES
from domain.shared.products import ProductQuantity

ROOT = Path(__file__).parents[2]
RINGS = ("domain", "application", "system")

STREAM = UUID("2f9f5d5e-3a52-4c0f-9d0e-6a8f6f1f2b01")

BY_NAME: dict[str, Any] = {
    "originator_id": STREAM,
    "event_id": "5e0fbd0a-8f0c-5d4e-b3a5-0d9a1c3f7e42",
    "currency": "USD",
    "payment_method": "pm_ok",
    "sku": "TEAPOT",
    "step": "ReserveInventory",
    "quantity": 3,
    "attempt": 2,
    "on_hand": 12,
    "reserved": 5,
}
"""Values of fields whose meaning a plain value of their type would not have."""

BY_TYPE: dict[Any, Any] = {
    bool: True,
    int: 7,
    Decimal: Decimal("41.50"),
    date: date(1997, 1, 12),
    datetime: datetime(2024, 5, 17, 12, 0, 0, 123456, tzinfo=UTC),
    UUID: UUID("7d3b2c14-9e55-4a0e-8a61-f0b8a3a1c0de"),
    OrderLine: OrderLine("TEAPOT", 2, Decimal("20.75")),
    ProductQuantity: ProductQuantity("TEAPOT", 2),
    ReservedLine: ReservedLine("TEAPOT", 2, 6),
}
"""Values of all other fields. A text is its field's name, so that a mix-up shows."""


def recorded_event_types() -> Mapping[str, type[AggregateEvent]]:
    """Every event class of the product by its stored topic, wherever it is defined."""
    for path in sorted(path for ring in RINGS for path in (ROOT / ring).rglob("*.py")):
        if "AggregateCreated" in path.read_text():  # every stream begins with one: here is an aggregate
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return {
        topic: event_class
        for topic, event_class in EVENT_TYPES.items()
        if event_class.__module__.partition(".")[0] in RINGS
    }


def version_of(event_class: type[AggregateEvent]) -> int:
    """The present version of an event class."""
    return int(getattr(event_class, "class_version", 1))


def sample_of(event_class: type[AggregateEvent]) -> Any:
    """The sample of a kind of event."""
    hints = get_type_hints(event_class)
    values = {field.name: sample_value(field.name, hints[field.name]) for field in fields(event_class)}
    values["originator_version"] = 1 if creates(event_class) else 2
    if creates(event_class):
        values["originator_topic"] = event_class.TOPIC.partition(".")[0]  # type: ignore[attr-defined]
    return event_class(**values)


def sample_value(name: str, kind: Any) -> Any:
    """The value of a field in every sample."""
    if get_origin(kind) is UnionType:
        kind = next(choice for choice in get_args(kind) if choice is not NoneType)
    if get_origin(kind) is tuple:
        return (sample_value(name, get_args(kind)[0]),)
    if name in BY_NAME:
        return BY_NAME[name]
    if kind is str:
        return f"{name}-text"
    if kind in BY_TYPE:
        return BY_TYPE[kind]
    raise LookupError(f"no sample value for {name}: {kind}; add one to tests/history/samples.py")


def creates(event_class: type[AggregateEvent]) -> bool:
    """Whether a stream begins with this kind of event."""
    return issubclass(event_class, AggregateCreated)
