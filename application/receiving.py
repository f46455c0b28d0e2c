"""Taking in the stock that orders of a file need: for many orders in one transaction, for each once.

A batch has one receipt a product, and beside it for each order a `Supply` that says what was taken
in for it: whoever comes again, with whatever file, finds that and takes in only what is missing.
Stock items are kept from batch to batch, and only what is new in their streams is read: that of a
product which sells well is very long.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from eventsourcing.persistence import IntegrityError

from domain.inventory import StockItem, Supply, supply_id
from domain.shared.causes import Cause, because_of
from domain.shared.ids import stock_item_id
from domain.shared.products import MAX_QUANTITY, ProductQuantity

from .base import MAX_TRIES, CommandContext, ConcurrentChanges
from .inventory import Inventory
from .up_to_date import bring_up_to_date

KEPT_ITEMS = 4000
WHY_CORRECTED = "the imported file asks for less than was received for it"


@dataclass(frozen=True)
class Need:
    """What an order needs: each product once, sorted by SKU."""

    order_ref: str
    lines: tuple[ProductQuantity, ...]


@dataclass(frozen=True)
class TakenIn:
    """What was taken in now (`quantity` pieces in `receipts`), and for how many products of orders
    there was nothing left to take in."""

    receipts: int
    quantity: int
    receipts_before: int


class Receiving:
    """Takes stock in for one import.

    `covers` says of a stock item whether a receipt in it stands for all orders that have no supply
    yet: an earlier release had one for a whole file.
    """

    def __init__(self, inventory: Inventory, covers: Callable[[StockItem], bool]) -> None:
        self._inventory = inventory
        self._covers = covers
        self._kept: dict[UUID, StockItem] = {}

    def receive(self, needs: Sequence[Need], context: CommandContext) -> TakenIn:
        """Take in what these orders need and was not taken in for them; all of it or nothing.

        Where less is needed than was taken in, the receipts are corrected, as far as the rest is not
        reserved by now. Raises `ConcurrentChanges`.
        """
        for _ in range(MAX_TRIES):
            ids = {need.order_ref: supply_id(need.order_ref) for need in needs}
            supplies = self._inventory.find_all(Supply, ids.values())
            both = ((need, supplies.get(ids[need.order_ref])) for need in needs)
            todo = [(need, supply) for need, supply in both if supply is None or supply.lines != need.lines]
            before = sum(len(need.lines) for need in needs) - sum(len(need.lines) for need, _ in todo)
            if not todo:
                return TakenIn(0, 0, before)
            batch = _Batch(context, todo, self._items(todo), self._covers)
            items = batch.items()
            try:
                self._inventory.save(*batch.supplies, *items)
            except IntegrityError:
                continue  # what is kept is as it was stored, and is brought up to date
            self._kept |= {item.id: item for item in items}
            return TakenIn(batch.receipts, batch.missing.total(), before + batch.covered)
        raise ConcurrentChanges("others kept changing the same stock; nothing was recorded, try again")

    def _items(self, todo: "_Todo") -> dict[str, StockItem]:
        """The stock items as they are now; copies, so that what is kept stays as it is stored."""
        if len(self._kept) > KEPT_ITEMS:
            self._kept.clear()
        ids = {line.sku: stock_item_id(line.sku) for need, supply in todo for line in _lines(need, supply)}
        now: dict[UUID, StockItem | None] = {id_: self._kept.get(id_) for id_ in ids.values()}
        bring_up_to_date(now, self._inventory.repository)
        found = {id_: item for id_, item in now.items() if item is not None}
        self._kept |= found
        return {sku: _copied(found[id_]) for sku, id_ in ids.items() if id_ in found}


_Todo = Sequence[tuple[Need, Supply | None]]


class _Batch:
    """What is to be recorded for a batch of orders, in one transaction.

    Its receipts have the name of its first order, and which version of that order's supply it makes:
    no other batch ever has both.
    """

    def __init__(
        self,
        context: CommandContext,
        todo: _Todo,
        items: dict[str, StockItem],
        covers: Callable[[StockItem], bool],
    ) -> None:
        self._context = context
        self._items = items
        self._covered = {sku for sku, item in items.items() if covers(item)}
        self._corrections: Counter[str] = Counter()
        (first, supply), *_ = todo
        self._first = first.order_ref, supply.version + 1 if supply is not None else 1
        self.missing: Counter[str] = Counter()
        self.receipts = 0
        self.covered = 0
        self.supplies = [
            self._begin(need) if supply is None else self._change(need, supply) for need, supply in todo
        ]
        for sku, quantity in self.missing.items():
            self._receive(sku, quantity)

    def items(self) -> list[StockItem]:
        """The stock items that change."""
        return [item for item in self._items.values() if item.pending_events]

    def _begin(self, need: Need) -> Supply:
        for line in need.lines:
            if line.sku in self._covered:
                self.covered += 1
            else:
                self.missing[line.sku] += line.quantity
        with because_of(self._cause(supply_id(need.order_ref))):
            return Supply.receive(need.order_ref, need.lines, self._command())

    def _change(self, need: Need, supply: Supply) -> Supply:
        held = {line.sku: line.quantity for line in supply.lines}
        wanted = {line.sku: line.quantity for line in need.lines}
        for sku in sorted(held.keys() | wanted.keys()):
            more = wanted.get(sku, 0) - held.get(sku, 0)
            if more > 0:
                self.missing[sku] += more
            elif more < 0:
                wanted[sku] = held[sku] - self._take_out(sku, -more, supply.receipt_commands)
        with because_of(self._cause(supply.id)):
            supply.change(lines_of(wanted), self._command())
        return supply

    def _receive(self, sku: str, quantity: int) -> None:
        with because_of(self._cause(stock_item_id(sku))):
            item = self._items[sku] = self._items.get(sku) or StockItem.introduce(sku)
        for number, part in enumerate(_parts(quantity), 1):
            command = self._command(number)
            with because_of(self._cause(item.id, command)):
                item.receive(part, command)
            self.receipts += 1

    def _take_out(self, sku: str, surplus: int, commands: Sequence[str]) -> int:
        """Correct the receipts of earlier commands by a surplus; by how much that was possible."""
        item = self._items[sku]
        left = possible = min(surplus, item.available)
        for receipt_id in (
            item.receipt_of_command[name][0] for name in commands if name in item.receipt_of_command
        ):
            part = min(left, item.receipts[receipt_id])
            if part:
                self._corrections[sku] += 1
                command = self._command(self._corrections[sku])
                with because_of(self._cause(item.id, command)):
                    item.correct(receipt_id, item.receipts[receipt_id] - part, WHY_CORRECTED, command)
                left -= part
        return possible - left

    def _command(self, number: int = 1) -> str:
        order_ref, version = self._first
        return f"import:order:{version}{f'.{number}' if number > 1 else ''}:{order_ref}"

    def _cause(self, stream_id: UUID, command: str | None = None) -> Cause:
        return replace(self._context, command_id=command or self._command()).cause(stream_id)


def lines_of(quantities: Mapping[str, int]) -> tuple[ProductQuantity, ...]:
    """Quantities of products as a need and a supply have them."""
    return tuple(ProductQuantity(sku, quantities[sku]) for sku in sorted(quantities) if quantities[sku])


def _lines(need: Need, supply: Supply | None) -> Iterator[ProductQuantity]:
    yield from need.lines
    if supply is not None:
        yield from supply.lines


def _copied(item: StockItem) -> StockItem:
    twin = copy.copy(item)
    for name, value in vars(item).items():
        if isinstance(value, dict | list):
            setattr(twin, name, value.copy())
    return twin


def _parts(quantity: int) -> Iterator[int]:
    """A quantity in parts that one receipt can hold."""
    while quantity > 0:
        yield min(quantity, MAX_QUANTITY)
        quantity -= MAX_QUANTITY
