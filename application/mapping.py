"""How events are stored: value types as tagged JSON, and only known topics are ever decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    JSONTranscoder,
    Mapper,
    StoredEvent,
    Transcoding,
)

from domain.inventory import ReservedLine
from domain.orders import OrderLine
from domain.shared.aggregates import EVENT_TYPES
from domain.shared.products import ProductQuantity

from .shapes import what_is_wrong
from .unreadable import UnreadableEvent


@dataclass(frozen=True)
class DescribedEvent(StoredEvent):
    """A stored event together with what it can be searched by, so that nobody has to decode it."""

    correlation_id: str
    user: str | None
    recorded_at: datetime


class SafeMapper(Mapper[UUID]):
    """Decodes events of registered topics, up to the version this release knows.

    The library would import whatever module a stored topic names, and would accept an event
    that is newer than the code without a word. What it decodes has all its fields, of the right types.
    """

    application = ""
    """Whose events these are, for those who have to be told what is wrong with one."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """The row for an event, with what it can be searched by. Raises `UnstorableValue`."""
        event: Any = domain_event
        facts = dict(vars(event))
        described = {
            "originator_id": facts.pop("originator_id"),
            "originator_version": facts.pop("originator_version"),
            "topic": event.TOPIC,
            "correlation_id": event.correlation_id,
            "user": event.user,
            "recorded_at": event.timestamp,
        }
        class_version = getattr(type(event), "class_version", 1)
        if class_version > 1:
            facts["class_version"] = class_version
        state = self.transcoder.encode(facts)
        if self.compressor:
            state = self.compressor.compress(state)
        if self.cipher:
            state = self.cipher.encrypt(state)
        stored_event = object.__new__(DescribedEvent)  # its own way is slow: it is frozen field by field
        stored_event.__dict__.update(described, state=state)
        return stored_event

    def stored_json(self, stored_event: StoredEvent) -> Any:
        """The JSON of a stored row, as it stands there. Raises `UnreadableEvent`."""
        try:
            return orjson.loads(self._opened(stored_event.state))
        except Exception as error:
            raise self._unreadable(stored_event, f"cannot be decoded: {error}") from error

    def stored_state(self, stored_event: StoredEvent) -> dict[str, Any]:
        """What a stored row says, in the version in which it was stored. Raises `UnreadableEvent`."""
        try:
            state = self._decode(stored_event.state)
        except Exception as error:
            raise self._unreadable(stored_event, f"cannot be decoded: {error}") from error
        if not isinstance(state, dict):
            raise self._unreadable(stored_event, "is damaged: it does not hold an event")
        return state

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """The event behind a stored row, brought up to the present version of its class.

        Raises `UnreadableEvent`.
        """
        event_class = EVENT_TYPES.get(stored_event.topic)
        if event_class is None:
            raise self._unreadable(stored_event, "has a topic that is not known here")
        state = self.stored_state(stored_event)
        version = state.pop("class_version", 1)
        if type(version) is not int or version < 1:
            raise self._unreadable(stored_event, "is damaged: it does not hold an event")
        # The library would import this one as well, to build the aggregate.
        owner = stored_event.topic.partition(".")[0]
        if state.get("originator_topic", owner) != owner:
            raise self._unreadable(stored_event, "is damaged: it begins another kind of stream")
        known = getattr(event_class, "class_version", 1)
        if version > known:
            raise self._unreadable(stored_event, f"has version {version}, this release knows {known}")
        if version < known:
            self._upcast(stored_event, event_class, state, version)
        state["originator_id"] = stored_event.originator_id
        state["originator_version"] = stored_event.originator_version
        wrong = what_is_wrong(event_class, state)
        if wrong is not None:
            raise self._unreadable(stored_event, f"is damaged: {wrong}")
        domain_event = object.__new__(event_class)
        domain_event.__dict__.update(state)
        return domain_event

    def _upcast(self, stored_event: StoredEvent, event_class: Any, state: Any, version: int) -> None:
        try:
            for step in range(version, event_class.class_version):
                getattr(event_class, f"upcast_v{step}_v{step + 1}")(state)
        except Exception as error:
            why = f"is damaged: it cannot be brought up to date: {type(error).__name__}: {error}"
            raise self._unreadable(stored_event, why) from error

    def _unreadable(self, stored_event: StoredEvent, why: str) -> UnreadableEvent:
        return UnreadableEvent.of(stored_event, why, self.application)

    def _decode(self, state: bytes) -> Any:
        return self.transcoder.decode(self._opened(state))

    def _opened(self, state: bytes) -> bytes:
        if self.cipher:
            state = self.cipher.decrypt(state)
        if self.compressor:
            state = self.compressor.decompress(state)
        return state


@dataclass(frozen=True)
class _ValueType(Transcoding):
    """Stores one value type under a name that stays when the class moves."""

    type: type[Any]
    name: str
    encoder: Callable[[Any], Any]
    decoder: Callable[[Any], Any]

    def encode(self, obj: Any) -> Any:
        return self.encoder(obj)

    def decode(self, data: Any) -> Any:
        return self.decoder(data)


def register_value_types(transcoder: JSONTranscoder) -> None:
    """Teach the transcoder the value types that stand in events."""
    for value_type in (
        _ValueType(date, "date_iso", date.isoformat, date.fromisoformat),
        _ValueType(
            OrderLine,
            "order_line",
            lambda line: [line.sku, line.quantity, str(line.unit_price)],
            lambda data: OrderLine(data[0], data[1], Decimal(data[2])),
        ),
        _ValueType(
            ProductQuantity,
            "product_quantity",
            lambda line: [line.sku, line.quantity],
            lambda data: ProductQuantity(*data),
        ),
        _ValueType(
            ReservedLine,
            "reserved_line",
            lambda line: [line.sku, line.quantity, line.stock_version],
            lambda data: ReservedLine(*data),
        ),
    ):
        transcoder.register(value_type)
