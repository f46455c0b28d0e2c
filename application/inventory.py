"""Inventory: receive and correct stock, reserve for an order, release."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.persistence import IntegrityError
from eventsourcing.utils import EnvType

from domain.inventory import Reservation, ReservationStatus, StockItem
from domain.shared.aggregates import Aggregate
from domain.shared.causes import because_of
from domain.shared.errors import NotFound
from domain.shared.ids import reservation_id, stock_item_id
from domain.shared.products import ProductQuantity, check_sku

from .base import MAX_TRIES, Application, CommandContext, ConcurrentChanges
from .recent import RecentAggregates
from .views import StockView, Written


class ProductNotFound(NotFound):
    """The product was never received."""

    code = "product_not_found"


class ReservationNotFound(NotFound):
    """No stock was ever reserved for the order."""

    code = "reservation_not_found"


@dataclass(frozen=True)
class Receipt:
    """The stock after a receipt, and the event to name when the receipt has to be corrected."""

    sku: str
    on_hand: int
    reserved: int
    available: int
    version: int
    event_id: str


class Inventory(Application):
    """The stock of a shop."""

    name = "Inventory"

    def __init__(self, env: EnvType | None = None) -> None:
        super().__init__(env)
        self._recent = RecentAggregates(self.repository)

    def receive_stock(
        self, sku: str, quantity: int, context: CommandContext, *, expected_version: int | None = None
    ) -> Written[Receipt]:
        """Take goods in. The same command again records nothing and is no error."""
        check_sku(sku)
        if not context.can_be_a_repeat:
            self.check_version(stock_item_id(sku), expected_version)
        receipt_ids: list[str] = []
        item, position = self.decide(
            lambda: self._find(sku) or StockItem.introduce(sku),
            lambda item: receipt_ids.append(item.receive(quantity, context.command_id)),
            context.cause(stock_item_id(sku)),
            expected_version=expected_version,
            is_repeat=lambda item: context.command_id in item.receipt_of_command,
        )
        view = stock_view(item)
        receipt = Receipt(
            view.sku, view.on_hand, view.reserved, view.available, view.version, receipt_ids[-1]
        )
        return Written(receipt, self.name, self._position(position), replayed=position is None)

    def correct_receipt(
        self,
        sku: str,
        receipt_id: str,
        quantity: int,
        reason: str,
        context: CommandContext,
        *,
        expected_version: int | None = None,
    ) -> Written[StockView]:
        """Correct what an earlier receipt should have said, by an event that names it and the reason.

        Correcting it to what it counts for already records nothing, whatever version is expected.
        """
        item, position = self.decide(
            lambda: self._get(sku),
            lambda item: item.correct(receipt_id, quantity, reason, context.command_id),
            context.cause(stock_item_id(sku)),
            expected_version=expected_version,
            is_repeat=lambda item: (
                context.command_id in item.correction_of_command or item.receipts.get(receipt_id) == quantity
            ),
        )
        return Written(stock_view(item), self.name, self._position(position), replayed=position is None)

    def reserve(self, order_id: UUID, lines: Sequence[ProductQuantity]) -> list[Aggregate]:
        """Decide the reservation of an order; the changed aggregates, to be saved together."""
        reservation = self.find(Reservation, reservation_id(order_id))
        if reservation is not None:
            reservation.ask_again()
            return [reservation]
        stock = self._stock(line.sku for line in lines)
        return [Reservation.decide(order_id, lines, stock), *stock.values()]

    def release(self, order_id: UUID) -> list[Aggregate]:
        """Release what an order holds; the changed aggregates, to be saved together."""
        reservation = self.find(Reservation, reservation_id(order_id))
        if reservation is None:
            return []
        stock = self._stock(line.sku for line in reservation.lines)
        reservation.release(stock)
        return [reservation, *stock.values()]

    def reservation(self, order_id: UUID) -> Reservation:
        """The reservation of an order, as it is now, or `ReservationNotFound`."""
        reservation = self.find(Reservation, reservation_id(order_id))
        if reservation is None:
            raise ReservationNotFound(f"no stock was ever reserved for order {order_id}")
        return reservation

    def release_by_hand(
        self, order_id: UUID, reason: str, context: CommandContext, check: Callable[[], None]
    ) -> tuple[Reservation, bool]:
        """Release what is held for an order that needs it no more, in one transaction; the reservation,
        and whether that was done now.

        `check` raises where it may not be released, and is asked again after a conflict. What is not
        held any more stays as it is. Raises `ReservationNotFound` and `ConcurrentChanges`.
        """
        for _ in range(MAX_TRIES):
            reservation = self.reservation(order_id)
            if reservation.status is not ReservationStatus.HELD:
                return reservation, False
            check()
            with because_of(context.cause(order_id)):
                stock = self._stock(line.sku for line in reservation.lines)
                reservation.release_by_hand(stock, reason)
            try:
                self.save(reservation, *stock.values())
            except IntegrityError:
                continue
            return reservation, True
        raise ConcurrentChanges("others kept changing the same stock; nothing was recorded, try again")

    def _stock(self, skus: Iterable[str]) -> dict[str, StockItem]:
        found = ((sku, self.find(StockItem, stock_item_id(sku))) for sku in skus)
        return {sku: item for sku, item in found if item is not None}

    def _find(self, sku: str) -> StockItem | None:
        """The stock of a product for a command: its stream may be very long, so it is not read anew."""
        return self._recent.get(stock_item_id(sku))

    def _get(self, sku: str) -> StockItem:
        item = self._find(check_sku(sku))
        if item is None:
            raise ProductNotFound(f"product {sku!r} was never received")
        return item

    def _position(self, position: int | None) -> int:
        return position if position is not None else self.recorder.max_notification_id() or 0


def stock_view(item: StockItem) -> StockView:
    """How the stock of a product looks from outside."""
    return StockView(item.sku, item.on_hand, item.reserved, item.available, item.version)
