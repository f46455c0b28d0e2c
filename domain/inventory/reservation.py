"""The stock that an order holds: all of its products, or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.ids import reservation_id
from domain.shared.products import ProductQuantity

from .stock_item import StockItem


class ReservationStatus(StrEnum):
    """Where a reservation stands. REJECTED and RELEASED are final."""

    HELD = "HELD"
    REJECTED = "REJECTED"
    RELEASED = "RELEASED"


@dataclass(frozen=True)
class ReservedLine:
    """A product that is held, and the version at which its stock item recorded that."""

    sku: str
    quantity: int
    stock_version: int


class Reservation(Aggregate):
    """Whether an order holds its stock.

    Invariants: one reservation an order (its id is derived from the order's); it is decided once,
    for all products together; what is held is released once.
    """

    TOPIC = "Reservation"

    class Made(Aggregate.Event, AggregateCreated):
        """Every product of the order is held."""

        TOPIC = "Reservation.Made"
        order_id: UUID
        lines: tuple[ReservedLine, ...]

    class Rejected(Aggregate.Event, AggregateCreated):
        """Not every product is available, so nothing is held. The order has to know."""

        TOPIC = "Reservation.Rejected"
        order_id: UUID
        reason: str

    class Released(Aggregate.Event):
        """Everything that was held is available again."""

        TOPIC = "Reservation.Released"
        order_id: UUID
        lines: tuple[ReservedLine, ...]

    class ReleasedByHand(Aggregate.Event):
        """A person made available again what was held for an order that needs it no more."""

        TOPIC = "Reservation.ReleasedByHand"
        order_id: UUID
        lines: tuple[ReservedLine, ...]
        reason: str

    class Refused(Aggregate.Event):
        """Stock was asked for once more after a person had released it. The order has to know."""

        TOPIC = "Reservation.Refused"
        order_id: UUID
        reason: str

    # Decisions

    @classmethod
    def decide(
        cls, order_id: UUID, wanted: Sequence[ProductQuantity], stock: Mapping[str, StockItem]
    ) -> Self:
        """Hold everything that is wanted, or record why not. `stock` has the items there are."""
        shortages = [
            f"{line.sku} (asked {line.quantity}, available {available})"
            for line in wanted
            if line.quantity > (available := stock[line.sku].available if line.sku in stock else 0)
        ]
        if shortages:
            reason = f"not enough stock: {', '.join(shortages)}"
            return cls.begin(cls.Rejected, reservation_id(order_id), order_id=order_id, reason=reason)
        held = []
        for line in wanted:
            item = stock[line.sku]
            item.reserve(order_id, line.quantity)
            held.append(ReservedLine(line.sku, line.quantity, item.version))
        return cls.begin(cls.Made, reservation_id(order_id), order_id=order_id, lines=tuple(held))

    def release(self, stock: Mapping[str, StockItem]) -> None:
        """Give everything back. Asking again, or after a rejection, changes nothing."""
        if self.status is not ReservationStatus.HELD:
            return
        self.trigger_event(self.Released, order_id=self.order_id, lines=self._given_back(stock))

    def release_by_hand(self, stock: Mapping[str, StockItem], reason: str) -> None:
        """Give everything back because a person says so. Asking again, or after a rejection, changes
        nothing."""
        if self.status is not ReservationStatus.HELD:
            return
        lines = self._given_back(stock)
        self.trigger_event(self.ReleasedByHand, order_id=self.order_id, lines=lines, reason=reason)

    def ask_again(self) -> None:
        """Answer a fulfilment that asks for what a person has released: nothing is held for it anew.
        In every other case it was answered before, and nothing changes."""
        if self.release_reason is not None:
            reason = f"its stock was released by hand: {self.release_reason}"
            self.trigger_event(self.Refused, order_id=self.order_id, reason=reason)

    def _given_back(self, stock: Mapping[str, StockItem]) -> tuple[ReservedLine, ...]:
        released = []
        for line in self.lines:
            item = stock[line.sku]
            item.release(self.order_id, line.quantity)
            released.append(ReservedLine(line.sku, line.quantity, item.version))
        return tuple(released)

    # Memory

    def __init__(
        self, *, order_id: UUID, lines: tuple[ReservedLine, ...] = (), reason: str | None = None
    ) -> None:
        self.order_id = order_id
        self.lines = tuple(lines)
        self.reject_reason = reason
        self.status = ReservationStatus.HELD if reason is None else ReservationStatus.REJECTED
        self.release_reason: str | None = None  # of a person

    @event(Released)
    def _released(self) -> None:
        self.status = ReservationStatus.RELEASED

    @event(ReleasedByHand)
    def _released_by_hand(self, reason: str) -> None:
        self.status = ReservationStatus.RELEASED
        self.release_reason = reason

    @event(Refused)
    def _refused(self) -> None:
        pass
