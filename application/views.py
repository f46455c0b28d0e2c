"""What the applications answer: plain, frozen, and independent of how it was found."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from .unreadable import UnreadableEvent

T = TypeVar("T")


@dataclass(frozen=True)
class LineView:
    """One line of an order."""

    sku: str
    quantity: int
    unit_price: str


@dataclass(frozen=True)
class OrderView:
    """An order. Amounts are decimal strings, times are aware and UTC."""

    order_id: str
    order_ref: str | None
    customer_id: str
    status: str
    currency: str
    total: str
    items: tuple[LineView, ...]
    version: int
    created_at: datetime
    confirmed_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None


@dataclass(frozen=True)
class StockView:
    """The stock of a product."""

    sku: str
    on_hand: int
    reserved: int
    available: int
    version: int


@dataclass(frozen=True)
class PaymentView:
    """The payment of an order."""

    order_id: str
    status: str
    currency: str
    amount: str
    refunded: str


@dataclass(frozen=True)
class StepView:
    """One entry of a saga's log: what became of a step, at which attempt, when, and after an attempt
    that did not succeed when the next one is due."""

    step: str
    status: str
    attempt: int
    at: datetime
    error: str | None
    next_at: datetime | None = None


@dataclass(frozen=True)
class Damage:
    """A stored event that cannot be read, and why. The position is None where it is not known."""

    application: str
    stream_id: str
    version: int
    position: int | None
    type: str
    error: str


def damage_of(error: UnreadableEvent) -> Damage:
    """What an error tells of an event that cannot be read."""
    return Damage(
        error.application, str(error.stream_id), error.version, error.position, error.topic, error.message
    )


@dataclass(frozen=True)
class FulfilmentView:
    """A saga and its log, oldest entry first. The status is None until the saga has begun.

    `damage` names its events that cannot be read; status and steps are then what the others say.
    """

    order_id: str
    status: str | None
    steps: tuple[StepView, ...]
    damage: tuple[Damage, ...] = ()


@dataclass(frozen=True)
class EventView:
    """A recorded event with its metadata."""

    event_id: str
    type: str
    application: str
    stream_id: str
    stream_version: int
    position: int
    recorded_at: datetime
    correlation_id: str
    causation_id: str
    command_id: str | None
    user: str | None
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class FoundEvent:
    """A recorded event as it is listed. One that cannot be decoded has an `error` that says why,
    no payload, and of its metadata what its row still tells. In the events of a stream or an order one
    before which others are missing has an `error` as well."""

    event_id: str | None
    type: str
    application: str
    stream_id: str
    stream_version: int
    position: int
    recorded_at: datetime | None
    correlation_id: str | None
    causation_id: str | None
    command_id: str | None
    user: str | None
    payload: Mapping[str, Any] | None
    error: str | None


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, and the cursor of the next one (None on the last)."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Written(Generic[T]):
    """What a command led to. `position` is that of its last event in `application`'s log.

    `replayed` says that the command had been carried out before and recorded nothing now.
    """

    view: T
    application: str
    position: int
    replayed: bool = False


def utc_text(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds, which sorts as text as it does as time."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_json(value: Any) -> Any:
    """Any view, report or event value as what `json.dumps` takes."""
    if value is None or isinstance(value, bool | int | str | float):
        return str(value) if isinstance(value, StrEnum) else value
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value]
