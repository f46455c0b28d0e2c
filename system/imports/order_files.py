"""Files of orders: CSV or JSON lines, read line by line, in constant memory, however long they are.

JSON lines hold one object a line: either a line with the same fields as the CSV's columns, or a
whole order as `POST /orders` takes it, with `items`. In both, `placed_on` and `payment_method`
may be left out.

Lines with the same `order_ref` in a row are one order, which is imported whole or not at all. A
malformed line belongs to the order that its reference names; one whose reference cannot be read
belongs to the order whose lines stand before and after it, if they are of one order. What counts as
a line in CSV is a row, wherever it begins.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from application.limits import MAX_LINES, MAX_REASON
from application.orders import Item, PlaceOrder
from domain.shared.errors import DomainError

from .order_lines import InvalidLine, OrderFields, OrderLine, json_line
from .order_tables import CsvRows
from .order_text import TextLines, beginning_of, checked, open_file
from .order_text import UnreadableFile as UnreadableFile

_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
_TOO_MANY = ("too_many_items", f"an order has at most {MAX_LINES} items")


@dataclass(frozen=True)
class Refusal:
    """A line that is not imported, and why. The reference is None when it could not be read."""

    line: int
    order_ref: str | None
    code: str
    reason: str


@dataclass(frozen=True)
class FileOrder:
    """The lines of an order, and what they ask for, or why they cannot ask for anything.

    `continues` marks further lines of an order that is too long and was refused before.
    `bytes_read` is how far the file was read.
    """

    order_ref: str | None
    line_numbers: tuple[int, ...]
    command: PlaceOrder | None
    refusals: tuple[Refusal, ...]
    continues: bool
    bytes_read: int

    def refused_with(self, error: DomainError) -> tuple[Refusal, ...]:
        """One refusal a line, for an order that a rule refuses."""
        numbers, message = self.line_numbers, error.message[:MAX_REASON]
        match (error.field or "").strip("/").split("/"):
            case ["items", index, name] if len(numbers) > 1:
                mistakes = {numbers[int(index)]: (error.code, f"{name}: {message}")}
            case ["items", index, name]:
                items = self.command.items if self.command is not None else ()
                where = f"items/{index}/{name}" if len(items) > 1 else name
                mistakes = {numbers[0]: (error.code, f"{where}: {message}")}
            case _:
                mistakes = dict.fromkeys(numbers, (error.code, message))
        return _refusals(self.order_ref, numbers, mistakes)


class OrderFile:
    """A file of orders. Raises `OSError`, and `UnreadableFile`, also when reading begins."""

    def __init__(self, path: Path, payment_method: str) -> None:
        with open_file(path) as file:
            self.size = os.fstat(file.fileno()).st_size
        self.path = path
        self._payment_method = payment_method

    def orders(self) -> Iterator[FileOrder]:
        """The orders of the file, from its beginning."""
        with open_file(self.path) as file:
            is_json = self._is_json(beginning_of(file, self.path))
            lines = TextLines(file, any_end=not is_json)
            for run in _runs(_of_json(lines) if is_json else CsvRows(lines)):
                yield self._order(run, lines.bytes_read)

    def _is_json(self, beginning: bytes) -> bool:
        suffix = self.path.suffix.lower()
        return suffix in _JSON_SUFFIXES or (suffix != ".csv" and beginning.lstrip().startswith(b"{"))

    def _order(self, run: "_Run", bytes_read: int) -> FileOrder:
        numbers = tuple(number for number, _ in run.lines)
        mistakes: dict[int, tuple[str, str]] = {}
        fields: OrderFields | None = None
        items: list[Item] = []
        for number, line in run.lines:
            if isinstance(line, InvalidLine):
                mistakes[number] = (line.code, line.reason)
            elif fields not in (None, line.fields):
                mistakes[number] = ("lines_disagree", "differs from an earlier line of the same order")
            else:
                fields = line.fields
                items += line.items
        if run.continues:
            mistakes = dict.fromkeys(numbers, _TOO_MANY)
        command = self._command(run.order_ref, fields, items) if fields and not mistakes else None
        refusals = _refusals(run.order_ref, numbers, mistakes) if mistakes else ()
        return FileOrder(run.order_ref, numbers, command, refusals, run.continues, bytes_read)

    def _command(self, order_ref: str | None, fields: OrderFields, items: list[Item]) -> PlaceOrder:
        return PlaceOrder(
            customer_id=fields.customer_id,
            currency=fields.currency,
            payment_method=fields.payment_method or self._payment_method,
            items=items,
            order_ref=order_ref,
            placed_on=fields.placed_on,
        )


def _refusals(
    order_ref: str | None, numbers: tuple[int, ...], mistakes: dict[int, tuple[str, str]]
) -> tuple[Refusal, ...]:
    """One refusal a line: a line without a mistake of its own is refused for its order's sake."""
    culprit = next(iter(mistakes))
    incomplete = ("order_incomplete", f"line {culprit} of the same order is refused")
    return tuple(Refusal(number, order_ref, *mistakes.get(number, incomplete)) for number in numbers)


_NumberedLine = tuple[int, OrderLine | InvalidLine]


@dataclass
class _Run:
    """Lines in a row that belong together."""

    order_ref: str | None
    lines: list[_NumberedLine] = field(default_factory=list)
    continues: bool = False
    is_closed: bool = False


def _of_json(lines: TextLines) -> Iterator[_NumberedLine]:
    for number, text in lines:
        if text is None or text.strip():
            try:
                yield number, json_line(checked(text))
            except InvalidLine as error:  # damaged JSON does not tell which of its parts are sound
                yield number, error


def _runs(lines: Iterable[_NumberedLine]) -> Iterator[_Run]:
    run = _Run(None)
    strays: list[_NumberedLine] = []
    for number, line in lines:
        is_whole = isinstance(line, OrderLine) and line.is_whole_order
        if line.order_ref is None:
            strays.append((number, line))
            if not (run.lines or run.continues) or len(strays) > MAX_LINES:
                yield from _ended(run, strays)
                run, strays = _Run(None), []
            continue
        if line.order_ref == run.order_ref and not run.is_closed and not is_whole:
            run.lines += [*strays, (number, line)]
        else:
            yield from _ended(run, strays)
            run = _Run(line.order_ref, [(number, line)], is_closed=is_whole)
        strays = []
        if len(run.lines) > MAX_LINES:
            yield run
            run = _Run(run.order_ref, continues=True)
    yield from _ended(run, strays)


def _ended(run: _Run, strays: list[_NumberedLine]) -> Iterator[_Run]:
    if run.lines:
        yield run
    for stray in strays:
        yield _Run(None, [stray])
