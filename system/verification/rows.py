"""Whether a row is the one that belongs at its place, told by the row alone."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast
from uuid import UUID

from eventsourcing.domain import AggregateCreated
from eventsourcing.persistence import Mapper, StoredEvent

from application.unreadable import UnreadableEvent
from domain.fulfilment import Fulfilment
from domain.inventory import Reservation, StockItem, Supply, supply_id
from domain.orders import Order, OrderReference
from domain.payments import Payment
from domain.shared.ids import (
    fulfilment_id,
    is_event_id,
    order_id_from_ref,
    payment_id,
    reservation_id,
    stock_item_id,
)
from system.followers.parking import ParkingLot, parking_lot_id
from system.persistence.event_facts import facts_of
from system.persistence.inspection import StoredRow

from .report import NAMED, Finding, Verdict

BEGINNINGS: Mapping[type[Any], Callable[[Any], UUID | None]] = {
    Order.Created: lambda _: None,  # its id comes from the key of the request, which no event says
    OrderReference.Claimed: lambda event: order_id_from_ref(event.order_ref),
    Fulfilment.Started: lambda event: fulfilment_id(event.order_id),
    Payment.Requested: lambda event: payment_id(event.order_id),
    Reservation.Made: lambda event: reservation_id(event.order_id),
    Reservation.Rejected: lambda event: reservation_id(event.order_id),
    StockItem.Introduced: lambda event: stock_item_id(event.sku),
    Supply.Received: lambda event: supply_id(event.order_ref),
    ParkingLot.Opened: lambda event: parking_lot_id(event.follower),
}
"""What may begin a stream, and which one: derived from what it is for, where that is so."""


class Row(NamedTuple):
    """Where a row is."""

    position: int
    stream_id: UUID
    version: int


class RowCheck:
    """Looks at the rows of the log of one application."""

    def __init__(self, application: str, mapper: Mapper[UUID]) -> None:
        self._application = application
        self._mapper = mapper
        self._is_plain = mapper.cipher is None and mapper.compressor is None
        self.claimed: dict[str, Row] = {}
        """Rows that hold an event of another place, by the id of the event that they hold."""

    def check(self, row: StoredRow) -> Finding | None:
        """The first thing that is wrong with a row, or None."""
        try:
            event = cast(Any, self._mapper.to_domain_event(cast(StoredEvent, row)))
        except UnreadableEvent as error:
            claimed = facts_of(cast(StoredEvent, row), self._mapper).text("event_id")
            if claimed is not None and not is_event_id(claimed, row.originator_id, row.originator_version):
                return self._misplaced(row, claimed)
            return self.finding(row, Verdict.EVENT_UNREADABLE, f"the {row.topic} {error.why}")
        if not is_event_id(event.event_id, row.originator_id, row.originator_version):
            return self._misplaced(row, event.event_id)
        return self._begins(row, event) or self._described(row, event)

    def finding(self, row: StoredRow, verdict: Verdict, what: str) -> Finding:
        """What is wrong with a row."""
        place = str(row.originator_id), row.originator_version
        return Finding(verdict, self._application, what, row.position, None, *place)

    def _misplaced(self, row: StoredRow, claimed: str) -> Finding:
        if len(self.claimed) < NAMED:
            self.claimed[claimed] = Row(row.position, row.originator_id, row.originator_version)
        what = f"it holds a {row.topic} with the event id {claimed}, which is that of another place"
        return self.finding(row, Verdict.EVENT_MISPLACED, what)

    def _begins(self, row: StoredRow, event: Any) -> Finding | None:
        begins = isinstance(event, AggregateCreated)
        if begins != (row.originator_version == 1):
            what = "begins a stream, and stands within one" if begins else "does not begin a stream"
            return self.finding(row, Verdict.BEGINS_WRONG, f"a {row.topic} {what}")
        derived = BEGINNINGS[type(event)](event) if type(event) in BEGINNINGS else None
        if derived not in (None, row.originator_id):
            what = f"this {row.topic} begins stream {derived}, and stands in another one"
            return self.finding(row, Verdict.BEGINS_WRONG, what)
        return None

    def _described(self, row: StoredRow, event: Any) -> Finding | None:
        """Columns of a tuned table say what the event says. Of what is compressed or encrypted, and was
        recorded before there were columns, they say nothing."""
        told = row.described
        if told is None or (told[0] is None and not self._is_plain):
            return None
        expected = event.correlation_id, event.user, event.timestamp
        for name, said, due in zip(("correlation_id", "user_id", "recorded_at"), told, expected, strict=True):
            if said != due:
                what = f"column {name} says {said}, the event says {due}"
                return self.finding(row, Verdict.METADATA_DIFFERS, what)
        return None
