"""Files of orders: CSV or JSON lines, read line by line, in constant memory, however long they are.

CSV has a header with the columns of `COLUMNS`, in any order. A line is a record: a quoted value
cannot run over several lines, so a forgotten quote costs one line and not the rest of the file.

JSON lines hold one object a line: either a line with the same fields as the CSV's columns, or a
whole order as `POST /orders` takes it, with `items`, and with `placed_on` besides.

Lines with the same `order_ref` in a row are one order. A line that is malformed beyond its
reference belongs to that order; one that cannot be read at all belongs to the order around it.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from application.limits import MAX_LINES
from application.orders import Item, PlaceOrder
from domain.shared.errors import DomainError

from .order_lines import CsvLines, InvalidLine, JsonLines, OrderLines, Parsed

MAX_LINE_BYTES = 1024 * 1024
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


class UnreadableFile(Exception):
    """The file is not one of orders; nothing of it was looked at."""


@dataclass(frozen=True)
class Refusal:
    """A line that is not imported, and why. The reference is None when it could not be read."""

    line: int
    order_ref: str | None
    code: str
    reason: str


@dataclass(frozen=True)
class FileOrder:
    """The lines of one order in a row, and what they ask for (None when a line is malformed).

    `continues` marks further lines of an order that was too long and is refused already.
    """

    order_ref: str | None
    line_numbers: tuple[int, ...]
    command: PlaceOrder | None
    refusals: tuple[Refusal, ...] = ()
    continues: bool = False
    bytes_read: int = 0

    def refused_with(self, error: DomainError) -> tuple[Refusal, ...]:
        """One refusal a line, for an order that a rule refuses."""
        culprit = self._line_of(error.field)
        return tuple(
            Refusal(number, self.order_ref, error.code, error.message)
            if culprit in (None, number)
            else _incomplete(number, self.order_ref, culprit)
            for number in self.line_numbers
        )

    def _line_of(self, pointer: str | None) -> int | None:
        parts = (pointer or "").split("/")
        if len(parts) > 2 and parts[1] == "items" and len(self.line_numbers) > 1:
            return self.line_numbers[int(parts[2])]
        return None


@dataclass
class _Run:
    """Lines in a row that belong together."""

    order_ref: str | None = None
    lines: list[tuple[int, Parsed | InvalidLine]] = field(default_factory=list)
    continues: bool = False


class _Format(Protocol):
    def parse(self, text: str) -> Parsed:
        """What a line says, or `InvalidLine`."""
        ...

    def reference_in(self, text: str) -> str | None:
        """The order reference of a damaged line, as far as it can be told."""
        ...


class OrderFile:
    """A file of orders at a path. Raises `UnreadableFile` or `OSError`."""

    def __init__(self, path: Path, payment_method: str) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._payment_method = payment_method

    def orders(self) -> Iterator[FileOrder]:
        """The orders of the file, from the beginning."""
        with self.path.open("rb") as file:
            lines = _Lines(file)
            for run in _runs(lines, self._format(lines)):
                yield _order(run, self._payment_method, lines.bytes_read)

    def _format(self, lines: "_Lines") -> _Format:
        suffix = self.path.suffix.lower()
        if suffix in _JSON_SUFFIXES or (suffix != ".csv" and lines.begin_with(b"{")):
            return JsonLines()
        header = next(iter(lines), None)
        try:
            return CsvLines("" if header is None else _decode(header[1]))
        except InvalidLine as error:
            raise UnreadableFile(f"{self.path}: line 1 {error}") from None


class _Lines:
    """The lines of a file that are not blank, with their numbers; None for one that is too long."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._number = 0
        self.bytes_read = 0
        if file.read(3) != b"\xef\xbb\xbf":  # spreadsheets like to begin with a byte order mark
            file.seek(0)

    def begin_with(self, start: bytes) -> bool:
        """Whether the first thing in the file that is not a blank is this."""
        position = self._file.tell()
        found = self._file.read(4096).lstrip().startswith(start)
        self._file.seek(position)
        return found

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        while raw := self._readline():
            self._number += 1
            if len(raw) > MAX_LINE_BYTES:
                while not raw.endswith(b"\n") and raw:
                    raw = self._readline()
                yield self._number, None
            elif raw.strip():
                yield self._number, raw.rstrip(b"\r\n")

    def _readline(self) -> bytes:
        raw = self._file.readline(MAX_LINE_BYTES + 1)
        self.bytes_read += len(raw)
        return raw


def _decode(raw: bytes | None) -> str:
    if raw is None:
        raise InvalidLine("malformed_line", f"is longer than {MAX_LINE_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidLine("malformed_line", f"is not UTF-8 (byte {error.start + 1})") from None
    if "\x00" in text:
        raise InvalidLine("malformed_line", "has a NUL character")
    return text


def _parsed(raw: bytes | None, form: _Format) -> Parsed | InvalidLine:
    try:
        return form.parse(_decode(raw))
    except InvalidLine as error:
        if error.order_ref is None and raw is not None:
            error.order_ref = form.reference_in(raw.decode("utf-8", "replace"))
        return error


def _runs(lines: _Lines, form: _Format) -> Iterator[_Run]:
    run, strays = _Run(), list[tuple[int, Parsed | InvalidLine]]()
    for number, raw in lines:
        line = _parsed(raw, form)
        if line.order_ref is None and run.lines and len(strays) < MAX_LINES:
            strays.append((number, line))
            continue
        if line.order_ref is not None and line.order_ref == run.order_ref and not line.is_whole_order:
            run.lines += [*strays, (number, line)]
        else:
            yield from _ended(run, strays)
            run = _Run(line.order_ref, [(number, line)])
        strays = []
        if line.is_whole_order or line.order_ref is None:
            yield from _ended(run, [])
            run = _Run()
        elif len(run.lines) > MAX_LINES:
            yield run
            run = _Run(run.order_ref, [], continues=True)
    yield from _ended(run, strays)


def _ended(run: _Run, strays: list[tuple[int, Parsed | InvalidLine]]) -> Iterator[_Run]:
    if run.lines:
        yield run
    for stray in strays:
        yield _Run(None, [stray])


def _order(run: _Run, payment_method: str, bytes_read: int) -> FileOrder:
    numbers = tuple(number for number, _ in run.lines)
    invalid = {number: line for number, line in run.lines if isinstance(line, InvalidLine)}
    asked: OrderLines | None = None
    items: list[Item] = []
    for number, line in run.lines:
        if isinstance(line, Parsed):
            asked = asked or line.order
            items += line.items
            with suppress(KeyError):
                other = next(
                    name for name in OrderLines._fields if getattr(asked, name) != getattr(line.order, name)
                )
    raise NotImplementedError
