"""Orders in CSV, as spreadsheet programs, shops and scripts write it: a header, and a row a line of an order.

The header's names may be in any case, with blanks around, and in any order; they tell whether a comma,
a semicolon or a tab stands between the values, unless a first line like ``sep=;`` does. Rows in which
nothing stands are nothing.

A quoted value may run over several lines; no value of an order does, so such a row is refused as one.
A quote that is not closed properly costs its row up to the line where the quote begins, not the rest of
the file: reading goes on in the line below.
"""

import csv
import re
from collections.abc import Iterator, Sequence

from .order_lines import COLUMNS, InvalidLine, OrderLine, line_of, sound_reference
from .order_text import MAX_LINE_BYTES, NumberedText, TextLines, UnreadableFile, checked

MAX_ROW_LINES = 300
"""Lines of one row. A cell of a spreadsheet program holds up to 253 line breaks."""

_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t]*', re.IGNORECASE)
_AROUND_A_NAME = re.compile(r"^[\s\ufeff\u200b]+|[\s\ufeff\u200b]+$")


class CsvRows:
    """The rows below the header, each with the number of the line where it begins. Raises
    `UnreadableFile` when there is no header of `COLUMNS`."""

    def __init__(self, lines: TextLines) -> None:
        self._lines = lines
        self._separator, self._columns = _header_in(lines)
        self._reference = self._columns.index("order_ref")
        self._nameless = [place for place, name in enumerate(self._columns) if not name]
        self._wanted = max(place for place, name in enumerate(self._columns) if name) + 1

    def __iter__(self) -> Iterator[tuple[int, OrderLine | InvalidLine]]:
        """What each row says, or why it says nothing."""
        for number, text in self._lines:
            try:
                values = self._values(number, text)
                if "".join(values).strip():
                    yield number, self._line(values)
            except InvalidLine as error:
                yield number, error

    def _values(self, number: int, text: str | None) -> list[str]:
        if text is not None and '"' in text:
            return self._quoted(number, text)
        try:
            return checked(text).split(self._separator)
        except InvalidLine as error:
            error.order_ref = self._reference_in(text)
            raise

    def _line(self, values: list[str]) -> OrderLine:
        wanted = self._wanted
        if len(values) < wanted or any(map(str.strip, values[len(self._columns) :])):
            raise self._malformed(f"has {len(values)} columns, not {wanted}", values)
        for place in self._nameless:
            if place < len(values) and values[place].strip():
                raise self._malformed(f"has a value in column {place + 1}, which has no name", values)
        named = dict(zip(self._columns, values, strict=False))
        named.pop("", None)
        return line_of(named)

    def _malformed(self, reason: str, values: Sequence[str]) -> InvalidLine:
        reference = values[self._reference] if len(values) > self._reference else ""
        return InvalidLine("malformed_line", reason, sound_reference(reference))

    def _quoted(self, number: int, text: str) -> list[str]:
        """The values of a row in which a quote stands, which may run over several lines."""
        row = _Row(self._lines, number, text)
        try:
            values = next(csv.reader(row, delimiter=self._separator, strict=True))
            checked("\n".join(row.texts))
        except csv.Error as error:
            reason = self._broken_off(row, error)
        except InvalidLine as error:
            reason = error.reason
        else:
            broken = [name for name, value in zip(self._columns, values, strict=False) if "\n" in value]
            if not broken:
                return values
            what = f"{broken[0]}: has a line break; the row runs to line {row.last}"
            raise InvalidLine("invalid_text", what, self._reference_in(text))
        raise InvalidLine("malformed_line", reason, self._reference_in(text))

    def _broken_off(self, row: "_Row", error: csv.Error) -> str:
        """Why a row is no CSV. What stands below the line where its open quote begins is read again."""
        began = row.number
        opened = row.texts if row.is_at_its_end else row.texts[:-1]
        if opened:
            *_, value = self._leniently(opened)
            began = row.number + len(opened) - value.count("\n")
        last = row.last
        row.give_back_after(began)
        if row.is_at_its_end and row.is_last:
            return f"has a quote that begins in line {began} and is never closed"
        if last == row.number and not row.is_at_its_end:
            return f"is not CSV: {error}"
        return f"has a quote that begins in line {began} and is not closed properly up to line {last}"

    def _reference_in(self, text: str | None) -> str | None:
        """The order reference in the first line of a damaged row, if that part of it is sound."""
        if text is None:
            return None
        try:
            values = self._leniently([text])
        except csv.Error:
            return None
        if values[-1:] and values[-1].endswith("\n"):  # of an open quote, so nobody knows where it ends
            values.pop()
        return sound_reference(values[self._reference]) if len(values) > self._reference else None

    def _leniently(self, texts: list[str]) -> list[str]:
        lines = (f"{text}\n" for text in texts)
        return next(csv.reader(lines, delimiter=self._separator, strict=False), [])


class _Row:
    """The lines of a row, for as long as the reader of CSV asks for more of them."""

    def __init__(self, lines: TextLines, number: int, text: str) -> None:
        self._lines = lines
        self.number = number
        self.texts: list[str] = []
        self.is_at_its_end = False
        self.is_last = False
        self._next: str | None = text
        self._size = 0

    @property
    def last(self) -> int:
        """The number of its last line."""
        return self.number + len(self.texts) - 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text = self._next if self._next is not None else self._following()
        self._next = None
        self.texts.append(text)
        self._size += len(text)
        return f"{text}\n"

    def _following(self) -> str:
        """The next line of the file, unless the row would become too long by it."""
        number, text = next(self._lines, (0, None))
        self.is_last = not number
        if text is None or len(self.texts) == MAX_ROW_LINES or self._size + len(text) > MAX_LINE_BYTES:
            if number:
                self._lines.give_back([(number, text)])
            self.is_at_its_end = True
            raise StopIteration
        return text

    def give_back_after(self, line: int) -> None:
        """Have the lines below this one read again."""
        below: list[NumberedText] = [
            (number, text) for number, text in enumerate(self.texts, self.number) if number > line
        ]
        self._lines.give_back(below)


def _header_in(lines: TextLines) -> tuple[str, list[str]]:
    """The separator and the names of the columns."""
    number, text = _not_blank(lines)
    separators: tuple[str, ...] = _SEPARATORS
    if text is not None and (named := _SEPARATOR_LINE.fullmatch(text.rstrip("\r\n "))):
        separators = (named[1],)
        if named[1] not in _SEPARATORS:
            raise UnreadableFile(
                f"the first line names {named[1]!r} as the separator; it can be a comma, a semicolon or a tab"
            )
        number, text = _not_blank(lines)
    where = "the first line" if number <= 1 else f"line {number}"
    headers, fault = [], None
    for one in separators:
        try:
            headers.append((one, _names(checked(text), one)))
        except InvalidLine as error:
            fault = fault or error
    if not headers and fault is not None:
        raise UnreadableFile(f"{where} {fault.reason}")
    separator, names = max(headers, key=lambda header: len(set(COLUMNS).intersection(header[1])))
    if sorted(filter(None, names)) != sorted(COLUMNS):
        raise UnreadableFile(f"{where} is not the header {','.join(COLUMNS)}: {_difference(names)}")
    return separator, names


def _not_blank(lines: TextLines) -> NumberedText:
    """The next line that is not blank; an empty one when there is none."""
    return next(((number, text) for number, text in lines if text is None or text.strip()), (0, ""))


def _names(header: str, separator: str) -> list[str]:
    try:
        names = next(csv.reader([header], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise InvalidLine("malformed_line", f"is not CSV: {error}") from None
    return [_AROUND_A_NAME.sub("", name).lower() for name in names]


def _difference(names: list[str]) -> str:
    """What keeps these names from being the header."""
    missing = [name for name in COLUMNS if name not in names]
    repeated = [name for name in COLUMNS if names.count(name) > 1]
    others = [repr(name[:40]) for name in names if name and name not in COLUMNS]
    differences = (
        (missing, "{} is missing"),
        (repeated, "{} stands there twice"),
        (others[:5], "{} is not a column of an order"),
    )
    return "; ".join(text.format(", ".join(found)) for found, text in differences if found)
