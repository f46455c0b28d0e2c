"""Import files of orders: first the stock they need, if wanted, then the orders, in batches.

Everything has a derived id, so an import can be stopped at any moment, killed included, and run
again: what is there already is found, and nothing is recorded twice. An order's id comes from its
`order_ref`, and so does that of the supply which remembers what was received for it: it is found
again in whatever file the order comes next time. All stock is received before the first order of
the file is placed.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from application.base import CommandContext, ConcurrentChanges
from application.orders import PlaceOrder
from application.receiving import Need, Receiving, TakenIn, lines_of
from domain.inventory import StockItem
from domain.shared.errors import DomainError
from domain.shared.products import ProductQuantity
from system.bootstrap import Orderwright
from system.persistence.faults import STORE_FAULTS

from .order_files import FileOrder, OrderFile, Refusal
from .order_text import open_file
from .repeated_references import Progress, RepeatedReferences

BATCH_ORDERS = 200
BATCH_LINES = 2000
STORE_PATIENCE_SECONDS = 30.0

P = ParamSpec("P")
T = TypeVar("T")


def _silently(*_: int) -> None:
    """No progress is wanted."""


@dataclass
class Received:
    """The stock that was received for a file: now (`quantity` pieces in `receipts`), and for how many
    lines of orders (one a product) it had been received in an earlier run."""

    receipts: int = 0
    quantity: int = 0
    receipts_before: int = 0

    def add(self, batch: TakenIn) -> None:
        """Count one more batch."""
        self.receipts += batch.receipts
        self.quantity += batch.quantity
        self.receipts_before += batch.receipts_before


@dataclass
class Placed:
    """What became of the orders of a file. `refused` counts orders, `refused_lines` their lines."""

    placed: int = 0
    already_placed: int = 0
    refused: int = 0
    refused_lines: int = 0


class Import:
    """The import of one file, by one user. To be closed. Raises `OSError` and `UnreadableFile`."""

    def __init__(self, orderwright: Orderwright, file: OrderFile, user: str | None) -> None:
        self._orderwright = orderwright
        self._file = file
        self._user = user
        self._repeated: RepeatedReferences | None = None
        self.digest = digest_of(file.path)

    def look_through(self, progress: Progress = _silently) -> RepeatedReferences:
        """Read the whole file once, before anything of it is recorded."""
        if self._repeated is None:
            self._repeated = RepeatedReferences(self._file, progress)
        return self._repeated

    def receive_stock(self, progress: Progress = _silently) -> Received:
        """Receive what the orders of the file need that would be accepted and are not placed yet."""
        received, done = Received(), 0
        receiving = Receiving(self._orderwright.inventory, self._is_received_already)
        for batch in _batches(self._orders()):
            needs = self._needs([order.command for order in batch if order.command is not None])
            if needs:
                received.add(patiently(receiving.receive, needs, self._context("import")))
            done += len(batch)
            progress(batch[-1].bytes_read, done)
        return received

    def place_orders(self, refuse: Callable[[Refusal], object], progress: Progress = _silently) -> Placed:
        """Place the orders of the file; each refused line is told to `refuse`, in the file's order."""
        placed, done = Placed(), 0
        for batch in _batches(self._orders()):
            self._place(batch, placed, refuse)
            done += len(batch)
            progress(batch[-1].bytes_read, done)
        return placed

    def close(self) -> None:
        """Forget what was found out about the file."""
        if self._repeated is not None:
            self._repeated.close()
            self._repeated = None

    def _orders(self) -> Iterator[FileOrder]:
        return self.look_through().refusing(self._file.orders())

    def _place(self, batch: list[FileOrder], placed: Placed, refuse: Callable[[Refusal], object]) -> None:
        commands = [order.command for order in batch if order.command is not None]
        context = self._context(f"import:{self.digest[:12]}")
        answers = iter(
            patiently(self._orderwright.orders.place_orders, commands, context) if commands else ()
        )
        for order in batch:
            refusals = order.refusals
            if order.command is not None:
                answer = next(answers)
                if isinstance(answer, DomainError):
                    refusals = order.refused_with(answer)
                else:
                    placed.placed += answer is not None
                    placed.already_placed += answer is None
            placed.refused += bool(refusals) and not order.continues
            placed.refused_lines += len(refusals)
            for refusal in refusals:
                refuse(refusal)

    def _needs(self, commands: Sequence[PlaceOrder]) -> list[Need]:
        """What is to be in stock for those of these orders that are not placed."""
        wanted = {command.order_id: command for command in commands if self._would_be_placed(command)}
        placed = patiently(self._orderwright.orders.present, wanted) if wanted else set()
        return [
            Need(command.order_ref or "", _products_of(command))
            for order_id, command in wanted.items()
            if order_id not in placed
        ]

    def _would_be_placed(self, command: PlaceOrder) -> bool:
        try:
            self._orderwright.orders.check(command)
        except DomainError:
            return False
        return True

    def _is_received_already(self, item: StockItem) -> bool:
        """Whether an earlier release received the stock item for this very file: for all of its orders
        at once, under the digest of the file."""
        return f"import:{self.digest}:{item.sku}" in item.receipt_of_command

    def _context(self, command_id: str) -> CommandContext:
        return CommandContext(command_id, self._orderwright.clock(), self._user)


def _products_of(command: PlaceOrder) -> tuple[ProductQuantity, ...]:
    quantities: Counter[str] = Counter()
    for item in command.items:
        quantities[item.sku] += item.quantity
    return lines_of(quantities)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def patiently(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do something that is safe to repeat; while the store is away or busy, again for 30 seconds."""
    deadline = time.monotonic() + STORE_PATIENCE_SECONDS
    pause = 0.1
    while True:
        try:
            return act(*args, **kwargs)
        except (*STORE_FAULTS, ConcurrentChanges):
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 2.0)


def _batches(orders: Iterator[FileOrder]) -> Iterator[list[FileOrder]]:
    batch: list[FileOrder] = []
    lines = 0
    for order in orders:
        batch.append(order)
        lines += max(len(order.line_numbers), len(order.command.items) if order.command else 0)
        if len(batch) >= BATCH_ORDERS or lines >= BATCH_LINES:
            yield batch
            batch, lines = [], 0
    if batch:
        yield batch
