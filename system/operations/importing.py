"""Import files of orders: first the stock they need, if wanted, then the orders, in batches.

Everything has a derived id, so an import can be stopped at any moment, killed included, and run
again: what is there already is found, and nothing is recorded twice. An order's id comes from its
`order_ref`; a receipt's command id from the digest of the file and the SKU. All receipts are
recorded before the first order of the file is placed: as soon as one is placed, the stock for
all of them is there, and a later run, which finds fewer orders to receive for, leaves it so.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from application.base import CommandContext, ConcurrentChanges
from application.limits import MAX_QUANTITY
from application.orders import PlaceOrder
from domain.inventory.stock_item import ReceiptAlreadyRecorded
from domain.shared.errors import DomainError
from system.bootstrap import Orderwright
from system.runner.feed import STORE_FAULTS

from .order_files import FileOrder, OrderFile, Refusal

BATCH_ORDERS = 200
BATCH_LINES = 2000
STORE_PATIENCE_SECONDS = 30.0

P = ParamSpec("P")
T = TypeVar("T")

Progress = Callable[[int, int], object]
"""Told how many bytes of the file, and how many of its orders, are done."""


def _silently(*_: int) -> None:
    """No progress is wanted."""


@dataclass
class Received:
    """The stock that was received for a file, now (`quantity` in `receipts`) or in an earlier run."""

    receipts: int = 0
    quantity: int = 0
    receipts_before: int = 0


@dataclass
class Placed:
    """What became of the orders of a file. `refused` counts orders, `refused_lines` their lines."""

    placed: int = 0
    already_placed: int = 0
    refused: int = 0
    refused_lines: int = 0


class Import:
    """The import of one file, by one user. Raises `OSError` and `UnreadableFile`."""

    def __init__(self, orderwright: Orderwright, file: OrderFile, user: str | None) -> None:
        self._orderwright = orderwright
        self._file = file
        self._user = user
        self.digest = digest_of(file.path)

    def receive_stock(self, progress: Progress = _silently) -> Received:
        """Receive what the orders of the file need that would be accepted and are not placed yet."""
        received = Received()
        for sku, quantity in self._needed(progress).items():
            for number, part in enumerate(_parts(quantity), 1):
                suffix = f":{number}" if number > 1 else ""
                context = self._context(f"import:{self.digest}:{sku}{suffix}")
                try:
                    written = patiently(self._receive, sku, part, context)
                except ReceiptAlreadyRecorded:
                    received.receipts_before += 1
                    continue
                received.receipts += written
                received.quantity += part if written else 0
                received.receipts_before += not written
        return received

    def place_orders(self, refuse: Callable[[Refusal], object], progress: Progress = _silently) -> Placed:
        """Place the orders of the file; each refused line is told to `refuse`, in the file's order."""
        placed, done = Placed(), 0
        for batch in _batches(self._file.orders()):
            self._place(batch, placed, refuse)
            done += len(batch)
            progress(batch[-1].bytes_read, done)
        return placed

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

    def _needed(self, progress: Progress) -> dict[str, int]:
        """The quantity of each product that is still to be received, were nothing received yet."""
        orders = self._orderwright.orders
        context = self._context("import:check")
        nothing_is_placed = patiently(orders.recorder.max_notification_id) is None
        needed: dict[str, int] = {}
        with closing(_Seen()) as seen:
            for number, order in enumerate(self._file.orders(), 1):
                command = order.command
                progress(order.bytes_read, number)
                if command is None or not self._would_be_placed(command, context):
                    continue
                # The same order may stand in the file twice. A set of all would not fit in memory.
                if not seen.add(command.order_id.bytes):
                    continue
                if nothing_is_placed or not patiently(orders.is_placed, command.order_id):
                    for item in command.items:
                        needed[item.sku] = needed.get(item.sku, 0) + item.quantity
        return needed

    def _would_be_placed(self, command: PlaceOrder, context: CommandContext) -> bool:
        try:
            self._orderwright.orders.check(command, context)
        except DomainError:
            return False
        return True

    def _receive(self, sku: str, quantity: int, context: CommandContext) -> bool:
        return not self._orderwright.inventory.receive_stock(sku, quantity, context).replayed

    def _context(self, command_id: str) -> CommandContext:
        return CommandContext(command_id, self._orderwright.clock(), self._user)


class _Seen:
    """A set of keys on disk: SQLite keeps a database without a name in a temporary file of its own."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, key: bytes) -> bool:
        """Add a key; False when it was there."""
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount > 0

    def close(self) -> None:
        """Forget everything."""
        self._database.close()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
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


def _parts(quantity: int) -> Iterator[int]:
    """A quantity in parts that one receipt can hold."""
    while quantity > 0:
        yield min(quantity, MAX_QUANTITY)
        quantity -= MAX_QUANTITY


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
