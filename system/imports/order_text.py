"""Order files as lines of text: opened without waiting for anybody, read in bounded memory.

Whatever is no text in UTF-8 is refused by name, with what to do about it. A line that is too long or
holds bytes that are no text is told as such, alone.
"""

import io
import os
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from .order_lines import InvalidLine

MAX_LINE_BYTES = 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOOKED_AT = 4096

NumberedText = tuple[int, str | None]
"""A line without its end, and its number; None for one that is too long."""

_AS_UTF_8 = 'save it as UTF-8 (in a spreadsheet program: "CSV UTF-8")'
_UNPACKED = "unpack it first"
_FROM_A_WORKBOOK = f"open it in a spreadsheet program, and {_AS_UTF_8}"
_NOT_TEXT = (  # the longer beginnings first
    (b"\xff\xfe\x00\x00", "in UTF-32", _AS_UTF_8),
    (b"\x00\x00\xfe\xff", "in UTF-32", _AS_UTF_8),
    (b"\xff\xfe", "in UTF-16", _AS_UTF_8),
    (b"\xfe\xff", "in UTF-16", _AS_UTF_8),
    (b"\x1f\x8b", "compressed (gzip)", _UNPACKED),
    (b"BZh", "compressed (bzip2)", _UNPACKED),
    (b"\xfd7zXZ\x00", "compressed (xz)", _UNPACKED),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)", _UNPACKED),
    (b"PK\x03\x04", "a workbook (xlsx, ods) or a zip archive", f"{_FROM_A_WORKBOOK}, or {_UNPACKED}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook (xls)", _FROM_A_WORKBOOK),
    (b"SQLite format 3\x00", "a database (SQLite)", "export its orders as CSV"),
)


class UnreadableFile(Exception):
    """The file does not hold orders; nothing of it was looked at."""


def open_file(path: Path) -> io.BufferedReader:
    """A regular file, to read bytes from. Raises `OSError`, and `UnreadableFile` for anything else: what
    comes through a pipe is gone once it was read, and a device may have no end. Nobody is waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFile(
            f"{path} is not a regular file: it has to be read several times, so save it as one first"
        )
    return os.fdopen(descriptor, "rb")


def beginning_of(file: io.BufferedReader, path: Path) -> bytes:
    """How the file begins, after its mark of UTF-8, if any; it is to be read on from there. Raises
    `UnreadableFile` when that is no text in UTF-8."""
    found = file.read(_LOOKED_AT)
    for start, what, cure in _NOT_TEXT:
        if found.startswith(start):
            raise UnreadableFile(f"{path} is {what}: {cure}")
    for some in (found[0:8:2], found[1:8:2]):
        if some == bytes(4) and any(found[:8]):
            raise UnreadableFile(f"{path} is in UTF-16: {_AS_UTF_8}")
    marked = len(BYTE_ORDER_MARK) if found.startswith(BYTE_ORDER_MARK) else 0
    file.seek(marked)
    return found[marked:]


class TextLines:
    """The lines of a file from where it stands, blank ones included, with their numbers.

    Lines end with LF, with `any_end` also with CR alone. `bytes_read` is how far the file was read.
    """

    def __init__(self, file: io.BufferedReader, *, any_end: bool) -> None:
        self.bytes_read = file.tell()
        # Bytes that are no UTF-8 pass through and are complained about where they stand.
        self._text = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="" if any_end else "\n")
        self._ends = ("\n", "\r") if any_end else ("\n",)
        self._number = 0
        self._given_back: deque[NumberedText] = deque()
        self._too_long = ""  # as far as the rest of that line is not read yet
        self._ahead = ""

    def __iter__(self) -> Iterator[NumberedText]:
        """The lines that were not read yet."""
        return self

    def __next__(self) -> NumberedText:
        """The next line."""
        if self._given_back:
            return self._given_back.popleft()
        if self._too_long:
            self._pass_over()
        text = self._readline()
        if not text:
            raise StopIteration
        self._number += 1
        if len(text) > MAX_LINE_BYTES:
            self._too_long = text
            return self._number, None
        return self._number, text.rstrip("\r\n")

    def give_back(self, lines: list[NumberedText]) -> None:
        """Have lines that were read last read again."""
        self._given_back.extendleft(reversed(lines))

    def _pass_over(self) -> None:
        """Read the rest of a line that is too long."""
        text, self._too_long = self._too_long, ""
        while text and not text.endswith(self._ends):
            text = self._readline()
        if text.endswith("\r"):  # perhaps half of the line's end, which was cut in two
            self._ahead = self._readline()
            if self._ahead == "\n":
                self._ahead = ""

    def _readline(self) -> str:
        if self._ahead:
            text, self._ahead = self._ahead, ""
            return text
        text = self._text.readline(MAX_LINE_BYTES + 1)
        self.bytes_read += len(text) if text.isascii() else len(text.encode(errors="surrogateescape"))
        return text


def checked(text: str | None) -> str:
    """The text of a line. Raises `InvalidLine` when it is too long, or is no text."""
    if text is None:
        raise InvalidLine("malformed_line", f"is longer than {MAX_LINE_BYTES} bytes")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            place = len(text[: error.start].encode()) + 1
            raise InvalidLine("malformed_line", f"is not UTF-8 from its byte {place} on") from None
    if "\x00" in text:
        raise InvalidLine("malformed_line", "has a NUL character")
    return text
