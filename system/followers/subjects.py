"""What the rows of a read model are about: an order, or a product."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from application.inventory import Inventory
from domain.shared.ids import stock_item_id
from system.persistence.search import facts_of
from system.steps.streams import streams_of

from .event_log import Entry


@dataclass(frozen=True)
class Subject:
    """What each row is about. `column` begins the key of every table; an event of it says it under the same
    name. `streams` are its streams by application, when it is named as `column` names it: all events that
    make its rows are there, so those rows can be made anew alone."""

    noun: str
    column: str
    streams: Callable[[str], Mapping[str, UUID]]

    def of(self, leader: str, entry: Entry) -> str | None:
        """Which one an event of a leader is about, told by the event, or, if it cannot be decoded, by what
        can be read of its row. None when neither says it."""
        try:
            told = getattr(entry.event, self.column, None)
        except Exception:  # it is asked what it can still say
            told = self._stored(entry)
        for name in (told, entry.originator_id):
            if name is not None and self._has(str(name), leader, entry.originator_id):
                return str(name)
        return None if told is None else str(told)

    def _stored(self, entry: Entry) -> Any:
        facts = facts_of(cast(StoredEvent, entry), entry.mapper)
        told = facts.values.get(self.column, facts.correlation_id)
        if isinstance(told, dict):  # an id is tagged with its type
            told = told.get("_data_")
        try:
            return str(UUID(told)) if self.column == ORDER.column else told
        except (TypeError, ValueError):
            return None

    def _has(self, name: str, leader: str, stream_id: UUID) -> bool:
        try:
            return self.streams(name).get(leader) == stream_id
        except ValueError:  # it names none
            return False


ORDER = Subject("order", "order_id", lambda order_id: streams_of(UUID(order_id)))
PRODUCT = Subject("product", "sku", lambda sku: {Inventory.name: stock_item_id(sku)})
