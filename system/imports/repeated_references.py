"""References that stand in several places of one file: found in a first pass, in constant memory.

Lines of one order stand in a row. Where its reference comes again further down, nobody can tell
whether that is the rest of the order, the same line written twice, or another order; so nothing of
it is imported. Lines all over a file could be put together as well, but whoever wrote them twice
would then be charged twice.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from application.limits import MAX_REASON
from system.persistence.full_disk import is_full

from .order_files import FileOrder, OrderFile, Refusal

CODE = "order_ref_repeated"

Progress = Callable[[int, int], object]
"""Told how many bytes of the file, and how many of its orders, are done."""


@dataclass(frozen=True)
class Places:
    """Where a reference stands: at which line first, and in words."""

    first: int
    told: str


class RepeatedReferences:
    """The references of a file that stand in several places. To be closed."""

    def __init__(self, file: OrderFile, progress: Progress) -> None:
        self._seen = _Seen()
        self._is_any = False
        for number, order in enumerate(file.orders(), 1):
            if order.order_ref is not None and not order.continues:
                self._is_any |= self._seen.add(order.order_ref, order.line_numbers)
            progress(order.bytes_read, number)

    def refusing(self, orders: Iterator[FileOrder]) -> Iterator[FileOrder]:
        """The orders of the file, those with such a reference refused."""
        for order in orders:
            places = self._seen.places(order.order_ref) if self._is_any and order.order_ref else None
            yield order if places is None else _refused(order, places)

    def close(self) -> None:
        """Forget everything."""
        self._seen.close()


def _refused(order: FileOrder, places: Places) -> FileOrder:
    """The order, refused with all its lines. A line that has a mistake of its own keeps that."""
    reason = (
        f"its order stands in several places of the file, at {places.told}: put its lines below each "
        "other, or give what is another order a reference of its own"
    )[:MAX_REASON]
    own = {refusal.line: refusal for refusal in order.refusals if refusal.code != "order_incomplete"}
    refusals = tuple(
        own.get(line) or Refusal(line, order.order_ref, CODE, reason) for line in order.line_numbers
    )
    continues = order.continues or order.line_numbers[0] != places.first
    return replace(order, command=None, refusals=refusals, continues=continues)


_LONGEST_TOLD = 200

_ADD = f"""
    INSERT INTO seen VALUES (:key, :first, 1, :told) ON CONFLICT (key) DO UPDATE SET
        places = places + 1,
        told = CASE WHEN length(told) < {_LONGEST_TOLD} THEN told || ', ' || :told ELSE told END"""


class _Seen:
    """Where references stand, on disk: SQLite keeps a database without a name in a temporary file of
    its own. Of a reference that stands in very many places only the first are told."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, first INTEGER, places INTEGER, told TEXT) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def add(self, order_ref: str, lines: tuple[int, ...]) -> bool:
        """Add a place; whether the reference had stood in another before. Raises `OSError` when there is
        no room for temporary files."""
        first, last = lines[0], lines[-1]
        told = str(first) if first == last else f"{first}-{last}"
        values = {"key": order_ref.encode(errors="surrogatepass"), "first": first, "told": told}
        try:
            (places,) = self._database.execute(f"{_ADD} RETURNING places", values).fetchone()
        except sqlite3.OperationalError as error:
            if is_full(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        return bool(places > 1)

    def places(self, order_ref: str) -> Places | None:
        """Where a reference stands; None unless that is in several places."""
        row = self._database.execute(
            "SELECT first, told, places FROM seen WHERE key = ? AND places > 1",
            (order_ref.encode(errors="surrogatepass"),),
        ).fetchone()
        if row is None:
            return None
        first, told, places = row
        more = places - told.count(",") - 1
        return Places(first, f"lines {told}" + (f" and {more} more places" if more else ""))

    def close(self) -> None:
        """Forget everything."""
        self._database.close()
