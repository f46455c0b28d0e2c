"""The stock of one product."""

from typing import Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.errors import Contradiction, NotFound, Refused
from domain.shared.ids import event_id, stock_item_id
from domain.shared.products import check_new_sku, check_quantity


class InsufficientStock(Refused):
    """There is not that much available."""

    code = "insufficient_stock"


class ReceiptNotFound(NotFound):
    """The event named is not a receipt of this product."""

    code = "receipt_not_found"


class ReceiptAlreadyRecorded(Contradiction):
    """The same command was recorded before, with another quantity."""

    code = "receipt_already_recorded"


class CorrectionAlreadyRecorded(Contradiction):
    """The same command was recorded before, as another correction."""

    code = "correction_already_recorded"


class BalanceChanged(Aggregate.Event):
    """What every change of the stock says: the product, and the balance after the change."""

    sku: str
    on_hand: int
    reserved: int


class StockItem(Aggregate):
    """How many of one product are on hand, and how many of those are reserved.

    Invariants: ``0 <= reserved <= on_hand``; ``available = on_hand - reserved`` is never below
    zero. Every event carries the balance after it, so that a reader can set and never has to add.
    """

    TOPIC = "StockItem"

    class Introduced(Aggregate.Event, AggregateCreated):
        """A product is stocked for the first time."""

        TOPIC = "StockItem.Introduced"
        sku: str

    class Received(BalanceChanged):
        """Goods came in."""

        TOPIC = "StockItem.Received"
        quantity: int

    class Corrected(BalanceChanged):
        """An earlier receipt was recorded wrongly: `quantity` is what it should have said."""

        TOPIC = "StockItem.Corrected"
        corrects: str
        quantity: int
        reason: str

    class Reserved(BalanceChanged):
        """Some of the stock is promised to an order."""

        TOPIC = "StockItem.Reserved"
        order_id: UUID
        quantity: int

    class Released(BalanceChanged):
        """What was promised to an order is available again."""

        TOPIC = "StockItem.Released"
        order_id: UUID
        quantity: int

    # Decisions

    @classmethod
    def introduce(cls, sku: str) -> Self:
        """Begin to stock a product, with nothing on hand."""
        return cls.begin(cls.Introduced, stock_item_id(check_new_sku(sku)), sku=sku)

    @property
    def available(self) -> int:
        """What can still be promised."""
        return self.on_hand - self.reserved

    def receive(self, quantity: int, command_id: str) -> str:
        """Take goods in and return the id of the receipt's event.

        The same command again records nothing; with another quantity it is refused. So is a SKU from
        before that addresses change; a receipt of it can still be corrected, down to nothing.
        """
        check_quantity(quantity)
        if command_id in self.receipt_of_command:
            receipt_id, received = self.receipt_of_command[command_id]
            if received != quantity:
                raise ReceiptAlreadyRecorded(
                    f"this command already received {received} of {self.sku}", field="/quantity"
                )
            return receipt_id
        check_new_sku(self.sku)
        self.trigger_event(
            self.Received,
            sku=self.sku,
            on_hand=self.on_hand + quantity,
            reserved=self.reserved,
            quantity=quantity,
        )
        return next(reversed(self.receipts))

    def correct(self, receipt_id: str, quantity: int, reason: str, command_id: str) -> None:
        """Make an earlier receipt count for `quantity` (zero or more) instead.

        Correcting to what it counts for already records nothing, and so does the same command
        again, even when the receipt was corrected anew in between.
        """
        check_quantity(quantity, least=0)
        if command_id in self.correction_of_command:
            if tuple(self.correction_of_command[command_id]) != (receipt_id, quantity):
                raise CorrectionAlreadyRecorded(f"this command already made another correction of {self.sku}")
            return
        if receipt_id not in self.receipts:
            raise ReceiptNotFound(f"event {receipt_id} is not a receipt of {self.sku}", field="/event_id")
        on_hand = self.on_hand - self.receipts[receipt_id] + quantity
        if on_hand < self.reserved:
            raise InsufficientStock(
                f"{self.reserved} of {self.sku} are reserved, so there cannot be {on_hand} on hand",
                field="/quantity",
            )
        if quantity != self.receipts[receipt_id]:
            self.trigger_event(
                self.Corrected,
                sku=self.sku,
                on_hand=on_hand,
                reserved=self.reserved,
                corrects=receipt_id,
                quantity=quantity,
                reason=reason,
            )

    def reserve(self, order_id: UUID, quantity: int) -> None:
        """Promise some of what is available to an order."""
        if not 0 < quantity <= self.available:
            raise InsufficientStock(f"{quantity} of {self.sku} asked for, {self.available} available")
        self.trigger_event(
            self.Reserved,
            sku=self.sku,
            on_hand=self.on_hand,
            reserved=self.reserved + quantity,
            order_id=order_id,
            quantity=quantity,
        )

    def release(self, order_id: UUID, quantity: int) -> None:
        """Make what was promised to an order available again."""
        if not 0 < quantity <= self.reserved:
            raise InsufficientStock(f"only {self.reserved} of {self.sku} are reserved, not {quantity}")
        self.trigger_event(
            self.Released,
            sku=self.sku,
            on_hand=self.on_hand,
            reserved=self.reserved - quantity,
            order_id=order_id,
            quantity=quantity,
        )

    # Memory

    @event(Introduced)
    def __init__(self, *, sku: str) -> None:
        self.sku = sku
        self.on_hand = 0
        self.reserved = 0
        self.receipts: dict[str, int] = {}  # a receipt's event id: what it counts for at present
        self.receipt_of_command: dict[str, tuple[str, int]] = {}  # as recorded then
        self.correction_of_command: dict[str, tuple[str, int]] = {}

    @event(Received)
    def _received(self, on_hand: int, quantity: int) -> None:
        self.on_hand = on_hand
        receipt_id = event_id(self.id, self.version + 1)
        self.receipts[receipt_id] = quantity
        if self.last_command_id is not None:
            self.receipt_of_command[self.last_command_id] = (receipt_id, quantity)

    @event(Corrected)
    def _corrected(self, on_hand: int, corrects: str, quantity: int) -> None:
        self.on_hand = on_hand
        self.receipts[corrects] = quantity
        if self.last_command_id is not None:
            self.correction_of_command[self.last_command_id] = (corrects, quantity)

    @event(Reserved)
    def _reserved(self, reserved: int) -> None:
        self.reserved = reserved

    @event(Released)
    def _released(self, reserved: int) -> None:
        self.reserved = reserved
