"""The report of the lines that an import refused: CSV that people open in a spreadsheet program.

No cell of it is a formula there: one that would be has an apostrophe in front (as OWASP recommends
against "CSV injection"), also where a program takes a semicolon or a tab for the end of a cell.
"""

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.imports.order_files import Refusal

from .errors import UnusableFile, UnwritableOutput
from .files import Place

COLUMNS = ("line", "order_ref", "code", "reason")
_BEGINNING = ",".join(COLUMNS).encode()
_IN_MEMORY = 1024 * 1024
_FORMULA = re.compile("(^|[;\t\r\n])(?=[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")


def harmless(text: str) -> str:
    """A cell that says the same and is no formula for a spreadsheet program."""
    return _FORMULA.sub(r"\1'", text)


class RefusedLines:
    """The refused lines so far, in a temporary file without a name."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `close`
        self._row = io.StringIO(newline="")
        self._rows = csv.writer(self._row)
        self.count = 0
        self._write(COLUMNS)

    def add(self, refusal: Refusal) -> None:
        """One more refused line."""
        self._write((str(refusal.line), refusal.order_ref or "", refusal.code, refusal.reason))
        self.count += 1

    def put(self, place: Place) -> None:
        """Put the report where it belongs, in place of an earlier one."""
        self._file.seek(0)
        place.put(self._file)

    def close(self) -> None:
        """Forget them."""
        self._file.close()

    def _write(self, cells: tuple[str, ...]) -> None:
        self._rows.writerow(map(harmless, cells))
        text = self._row.getvalue()
        self._row.seek(0)
        self._row.truncate()
        try:
            self._file.write(text.encode(errors="backslashreplace"))
        except OSError as error:
            raise UnwritableOutput(f"a temporary file in {tempfile.gettempdir()}", error) from None


@contextmanager
def refused_lines(path: Path, reads: Path, *, is_wanted: bool) -> Iterator[RefusedLines]:
    """A report that is written when lines were refused, when it is asked for, or to replace an old one.
    Raises `UnusableFile` at once when it could not be."""
    if str(path) == "-":
        raise UnusableFile("the report cannot go to standard output: name a file")
    place = Place(path, "the report", _BEGINNING, reads)
    place.check()
    report = RefusedLines()
    try:
        yield report
        if report.count or is_wanted or place.is_taken():
            report.put(place)
    finally:
        report.close()
