"""Which orders hold the stock of a product: from its own events, the latest reservation first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from application.paging import check_limit, decode_cursor, encode_cursor
from application.queries import PageRequest
from application.views import Page
from domain.inventory import Reservation, ReservationStatus, StockItem
from domain.orders import Order
from domain.shared.ids import reservation_id, stock_item_id
from system.bootstrap import Orderwright

CHUNK = 500
MOST_EVENTS = 5_000
"""How many events of a product one page looks through at most. A page that ends there is shorter than was
asked for, and has a cursor all the same."""


@dataclass(frozen=True)
class Holder:
    """An order that holds some of a product, since when, and where it stands: None when there is no such
    order."""

    order_id: str
    quantity: int
    reserved_at: datetime
    order_status: str | None


def holders(orderwright: Orderwright, sku: str, page: PageRequest) -> Page[Holder]:
    """One page of the orders that hold stock of a product, the latest reservation first.

    Raises `ProductNotFound`, `InvalidQuery` and `UnreadableEvent`.
    """
    limit = check_limit(page)
    before = decode_cursor(page.cursor, int)[0] if page.cursor is not None else None
    if before is None and orderwright.stock_levels.stock(sku).reserved == 0:
        return Page((), None)
    found: list[StockItem.Reserved] = []
    looked_at = 0
    for chunk in _chunks(orderwright, stock_item_id(sku), before):
        for event in _still_held(orderwright, chunk):
            if len(found) == limit:
                return Page(_views(orderwright, found), encode_cursor(found[-1].originator_version))
            found.append(event)
        looked_at += len(chunk)
        oldest = chunk[-1].originator_version
        if looked_at >= MOST_EVENTS and oldest > StockItem.INITIAL_VERSION:
            return Page(_views(orderwright, found), encode_cursor(oldest))
    return Page(_views(orderwright, found), None)


def _chunks(orderwright: Orderwright, stream_id: UUID, before: int | None) -> Iterator[Sequence[Any]]:
    """The events of a stream before a version, backwards."""
    while before is None or before > StockItem.INITIAL_VERSION:
        last = None if before is None else before - 1
        chunk = tuple(orderwright.inventory.events.get(stream_id, lte=last, desc=True, limit=CHUNK))
        if not chunk:
            return
        yield chunk
        before = chunk[-1].originator_version


def _still_held(orderwright: Orderwright, events: Sequence[Any]) -> Iterator[StockItem.Reserved]:
    """Those of the events that reserved what is held still, by the reservations themselves."""
    made = [event for event in events if isinstance(event, StockItem.Reserved)]
    ids = {reservation_id(event.order_id) for event in made}
    reservations = orderwright.inventory.find_all(Reservation, ids)
    for event in made:
        reservation = reservations.get(reservation_id(event.order_id))
        if reservation is not None and reservation.status is ReservationStatus.HELD:
            yield event


def _views(orderwright: Orderwright, events: Sequence[StockItem.Reserved]) -> tuple[Holder, ...]:
    orders = orderwright.orders.find_all(Order, {event.order_id for event in events})
    return tuple(
        Holder(
            str(event.order_id),
            event.quantity,
            event.timestamp,
            str(orders[event.order_id].status) if event.order_id in orders else None,
        )
        for event in events
    )
