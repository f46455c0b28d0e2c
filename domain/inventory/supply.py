"""The stock that was taken in for one order of an imported file."""

from typing import Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.ids import derive, remembered
from domain.shared.products import ProductQuantity

Lines = tuple[ProductQuantity, ...]


@remembered
def supply_id(order_ref: str) -> UUID:
    """The one supply of the order with this reference."""
    return derive("supply", order_ref)


class Supply(Aggregate):
    """Remembers what was taken into stock for an order that an import is about to place.

    It is recorded together with the receipts, which are for many orders at once. Its stream begins
    once, so nothing is taken in twice for an order, whatever became of the file meanwhile.
    Invariants: one supply an order reference; each product stands in it once.
    """

    TOPIC = "Supply"

    class Received(Aggregate.Event, AggregateCreated):
        """What an order needs was taken in, by the receipts of a command."""

        TOPIC = "Supply.Received"
        order_ref: str
        lines: tuple[ProductQuantity, ...]
        receipt_command: str

    class Changed(Aggregate.Event):
        """The file says otherwise now: the difference was taken in, or earlier receipts were corrected."""

        TOPIC = "Supply.Changed"
        lines: tuple[ProductQuantity, ...]
        receipt_command: str

    # Decisions

    @classmethod
    def receive(cls, order_ref: str, lines: Lines, receipt_command: str) -> Self:
        """Take in what an order needs."""
        return cls.begin(
            cls.Received,
            supply_id(order_ref),
            order_ref=order_ref,
            lines=lines,
            receipt_command=receipt_command,
        )

    def change(self, lines: Lines, receipt_command: str) -> None:
        """Hold other quantities than before; the same ones change nothing."""
        if lines != self.lines:
            self.trigger_event(self.Changed, lines=lines, receipt_command=receipt_command)

    # Memory

    @event(Received)
    def __init__(self, *, order_ref: str, lines: Lines, receipt_command: str) -> None:
        self.order_ref = order_ref
        self.lines = tuple(lines)
        self.receipt_commands: tuple[str, ...] = (receipt_command,)

    @event(Changed)
    def _changed(self, lines: Lines, receipt_command: str) -> None:
        self.lines = tuple(lines)
        self.receipt_commands = (*self.receipt_commands, receipt_command)
