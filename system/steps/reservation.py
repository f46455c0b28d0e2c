"""ReserveInventory: the stock that the order holds."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from application.inventory import Inventory
from application.views import FoundEvent
from domain.fulfilment import RESERVE_INVENTORY, StepStatus
from domain.inventory import Reservation, ReservationStatus, StockItem, Supply
from domain.shared.ids import reservation_id, stock_item_id

from .side import Awaited, HeldLine, MoneyAndStock, News, StepSide
from .telling import Telling, items

_STATUS = {
    ReservationStatus.HELD: StepStatus.COMPLETED,
    ReservationStatus.REJECTED: StepStatus.FAILED,
    ReservationStatus.RELEASED: StepStatus.COMPENSATED,
}
_MOVES_STOCK = (Reservation.Made.TOPIC, Reservation.Released.TOPIC, Reservation.ReleasedByHand.TOPIC)

_OF_PRODUCTS: frozenset[type[Any]] = frozenset(
    {
        StockItem.Introduced,
        StockItem.Received,
        StockItem.Corrected,
        StockItem.Reserved,
        StockItem.Released,
        Supply.Received,
        Supply.Changed,
    }
)
_NEWS: Mapping[type[Any], News] = {
    Reservation.Made: lambda saga, _: saga.step_completed(RESERVE_INVENTORY),
    Reservation.Rejected: lambda saga, event: saga.step_failed(RESERVE_INVENTORY, event.reason),
    Reservation.Refused: lambda saga, event: saga.step_failed(RESERVE_INVENTORY, event.reason),
    Reservation.Released: lambda saga, _: saga.step_compensated(RESERVE_INVENTORY),
    Reservation.ReleasedByHand: lambda saga, event: saga.step_failed(
        RESERVE_INVENTORY, f"its stock was released by hand: {event.reason}"
    ),
}
_TOLD: Mapping[str, Telling] = {
    Reservation.Made.TOPIC: lambda facts, *_: f"the inventory reserved {items(facts)}",
    Reservation.Rejected.TOPIC: lambda facts, *_: f"the inventory reserved nothing: {facts['reason']}",
    Reservation.Released.TOPIC: lambda facts, *_: f"the inventory released {items(facts)}",
    Reservation.ReleasedByHand.TOPIC: lambda facts, _, by: (
        f"{by or 'somebody'} released {items(facts)} by hand: {facts['reason']}"
    ),
    Reservation.Refused.TOPIC: lambda facts, *_: f"the inventory reserved nothing: {facts['reason']}",
}


class ReservationSide(StepSide[Reservation]):
    """The stock of an order."""

    step = RESERVE_INVENTORY
    application = Inventory.name
    stream_id = staticmethod(reservation_id)
    noun = "the reservation"
    not_begun = "not made"
    aggregates = (Reservation, StockItem, Supply)
    news = _NEWS
    no_news = _OF_PRODUCTS
    told = _TOLD
    untold = frozenset(event.TOPIC for event in _OF_PRODUCTS)

    def status(self, work: Reservation) -> StepStatus:
        """See `StepSide.status`."""
        return _STATUS[work.status]

    def failure(self, work: Reservation) -> str:
        """See `StepSide.failure`."""
        return work.reject_reason or "not enough stock"

    def held(self, work: Reservation) -> str | None:
        """See `StepSide.held`."""
        return "its stock is still reserved" if work.status is ReservationStatus.HELD else None

    def money_and_stock(self, work: Reservation) -> MoneyAndStock:
        """See `StepSide.money_and_stock`."""
        lines = work.lines if work.status is ReservationStatus.HELD else ()
        return MoneyAndStock(stock=tuple(HeldLine(line.sku, line.quantity) for line in lines))

    def elsewhere(self, event: FoundEvent) -> Iterator[tuple[UUID, int]]:
        """See `StepSide.elsewhere`: what it did to each stock item."""
        if event.payload is not None and event.type in _MOVES_STOCK:
            for line in event.payload["lines"]:
                yield stock_item_id(line["sku"]), line["stock_version"]

    def awaited(self, awaited: Awaited) -> str:
        """See `StepSide.awaited`."""
        if awaited.status == StepStatus.COMPENSATION_FAILED:
            return f"a person: its stock was not released in {awaited.attempt} attempts ({awaited.error})"
        act = "release" if awaited.status == StepStatus.COMPENSATING else "reserve"
        return f"the inventory to {act} its stock"

    def when_confirmed(self, money: str) -> str:  # noqa: ARG002 - it is about no money
        """See `StepSide.when_confirmed`."""
        return "its stock is reserved"

    def when_cancelled(self, money: str, *, was_done: bool) -> str:  # noqa: ARG002 - so or so
        """See `StepSide.when_cancelled`."""
        return "nothing is reserved"
