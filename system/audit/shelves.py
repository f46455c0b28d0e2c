"""The products of a scan. Their whole story is in one log, and what is appended together stands together
there: so what is wrong up to a position is wrong, whatever happens meanwhile, and needs no second look.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from application.unreadable import UnreadableEvent
from domain.inventory import StockItem
from system.followers.event_log import Entry

from .report import Offender, Rule, StockTotals
from .rules import Breach


class Shelf:
    """One product: what its last event says, and what its events sum up to."""

    __slots__ = ("broken", "on_hand", "receipts", "reserved", "sku", "unreadable")

    def __init__(self, sku: str | None = None) -> None:
        self.sku = sku
        self.on_hand = 0
        self.reserved = 0
        self.receipts: dict[str, int] = {}
        self.broken: dict[Rule, Breach] = {}  # of each rule the first time
        self.unreadable: str | None = None

    @property
    def received(self) -> int:
        """The sum of the receipts, as corrected."""
        return sum(self.receipts.values())

    def fold(self, event: Any) -> None:
        """Take one event in, and remember the first that does not follow from those before it."""
        self.sku = self.sku or event.sku  # not that of an event which belongs to another product
        if isinstance(event, StockItem.Introduced):
            return
        on_hand, reserved = self.on_hand, self.reserved
        match event:
            case StockItem.Received():
                on_hand += event.quantity
                self.receipts[event.event_id] = event.quantity
            case StockItem.Corrected():
                on_hand += event.quantity - self.receipts.get(event.corrects, 0)
                self.receipts[event.corrects] = event.quantity
            case StockItem.Reserved():
                reserved += event.quantity
            case StockItem.Released():
                reserved -= event.quantity
        self._compare(event, on_hand, reserved)
        self.on_hand, self.reserved = event.on_hand, event.reserved

    def _compare(self, event: Any, on_hand: int, reserved: int) -> None:
        at = f"at version {event.originator_version}"
        if (event.on_hand, event.reserved) != (on_hand, reserved):
            self._breaks(
                Rule.STOCK_ADDS_UP,
                f"{on_hand} on hand and {reserved} reserved {at}",
                f"{event.on_hand} on hand and {event.reserved} reserved",
            )
        if not 0 <= event.reserved <= event.on_hand:
            self._breaks(
                Rule.STOCK_NOT_NEGATIVE,
                f"nothing below zero {at}",
                f"{event.on_hand} on hand, {event.reserved} reserved, "
                f"{event.on_hand - event.reserved} available",
            )

    def _breaks(self, rule: Rule, expected: str, found: str) -> None:
        self.broken.setdefault(rule, Breach(rule, expected, found))


class Shelves:
    """Every product, and what reservations hold of each."""

    def __init__(self) -> None:
        self._shelves: dict[int, Shelf] = {}
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._shelves)

    def fold(self, entry: Entry) -> None:
        """Take an event of a product in, also one that cannot be read."""
        shelf = self._shelf(entry)
        if shelf.unreadable is not None:
            return
        try:
            shelf.fold(entry.event)
        except Exception as error:  # whatever is wrong with one event, the audit goes on
            shelf.unreadable = f"{type(error).__name__}: {error}"

    def spoil(self, entry: Entry, wrong: UnreadableEvent) -> None:
        """Something is wrong with an event of a product, though it may be read."""
        shelf = self._shelf(entry)
        shelf.unreadable = shelf.unreadable or wrong.message

    def _shelf(self, entry: Entry) -> Shelf:
        shelf = self._shelves.get(entry.originator_id.int)
        if shelf is None:
            shelf = self._shelves[entry.originator_id.int] = Shelf()
        return shelf

    def hold(self, lines: Any) -> None:
        """A reservation was made."""
        for line in lines:
            self._held[line.sku] += line.quantity

    def let_go(self, lines: Any) -> None:
        """A reservation was released."""
        for line in lines:
            self._held[line.sku] -= line.quantity

    def totals(self) -> StockTotals:
        """The sums over all products."""
        shelves = self._shelves.values()
        on_hand, reserved = sum(shelf.on_hand for shelf in shelves), sum(shelf.reserved for shelf in shelves)
        received = sum(shelf.received for shelf in shelves)
        return StockTotals(on_hand, on_hand - reserved, reserved, received, sum(self._held.values()))

    def offenders(self) -> Iterator[Offender]:
        """Each product that breaks a rule."""
        known = set()
        for number, shelf in self._shelves.items():
            sku = shelf.sku or str(UUID(int=number))
            known.add(sku)
            for breach in self._breaches(sku, shelf):
                yield Offender(breach.rule, None, sku, breach.expected, breach.found)
        for sku in sorted(sku for sku, held in self._held.items() if held and sku not in known):
            yield Offender(Rule.RESERVED_IS_HELD, None, sku, f"{self._held[sku]} reserved", "no such product")

    def _breaches(self, sku: str, shelf: Shelf) -> Iterator[Breach]:
        if shelf.unreadable is not None:
            yield Breach(Rule.READABLE, "events that can be read", shelf.unreadable)
            return
        if shelf.on_hand != shelf.received:
            yield Breach(
                Rule.ON_HAND_IS_RECEIVED, f"{shelf.received} on hand, as received", f"{shelf.on_hand} on hand"
            )
        if shelf.reserved != self._held[sku]:
            yield Breach(
                Rule.RESERVED_IS_HELD,
                f"{self._held[sku]} reserved, as the reservations that are held say",
                f"{shelf.reserved} reserved",
            )
        yield from shelf.broken.values()
