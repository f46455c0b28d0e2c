"""The orders of a scan, folded to a few bytes each: columns instead of objects.

Logs are read one after the other. Each is joined to the orders by the ids that are derived from theirs
(`streams`), so one index at a time is all that is in memory besides.
"""

from array import array
from collections.abc import Callable, Iterator
from uuid import UUID

from .facts import HoldMark, OrderFacts, OrderMark, SagaMark
from .meanings import HOLDINGS

_ID = 16
_MOST = 255


class Books:
    """One row an order, in the order in which they were placed."""

    def __init__(self) -> None:
        self._ids = bytearray()
        self._totals = array("q")
        self._currencies = array("H")
        self._charges = array("q")
        self._charge_currencies = array("H")
        self._known_currencies = [""]
        self.order = bytearray()
        self.saga = bytearray()
        self.times_charged = bytearray()
        self.times_refunded = bytearray()
        self.holds = {holding.fact: bytearray() for holding in HOLDINGS}

    def __len__(self) -> int:
        return len(self.order)

    def open(self, order_id: UUID, total: int, currency: str) -> int:
        """A new row for an order; its number."""
        self._ids += order_id.bytes
        self._totals.append(total)
        self._currencies.append(self._number_of(currency))
        self._charges.append(0)
        self._charge_currencies.append(0)
        for column in (self.order, self.saga, self.times_charged, self.times_refunded, *self.holds.values()):
            column.append(0)
        return len(self) - 1

    def ask_charge(self, row: int, amount: int, currency: str) -> None:
        """A charge is asked for."""
        self._charges[row] = amount
        self._charge_currencies[row] = self._number_of(currency)

    def count_charge(self, row: int) -> None:
        """The charge was taken."""
        self.times_charged[row] = min(self.times_charged[row] + 1, _MOST)

    def count_refund(self, row: int) -> None:
        """The charge was given back."""
        self.times_refunded[row] = min(self.times_refunded[row] + 1, _MOST)

    def order_id(self, row: int) -> UUID:
        """The id of the order in a row."""
        return UUID(bytes=bytes(self._ids[row * _ID : (row + 1) * _ID]))

    def streams(self, stream_id_of: Callable[[UUID], UUID]) -> dict[int, int]:
        """The rows by the number of a stream that each order has, under an id derived from its own."""
        derive = getattr(stream_id_of, "__wrapped__", stream_id_of)  # without remembering each of them
        return {derive(self.order_id(row)).int: row for row in range(len(self))}

    def facts(self, row: int) -> OrderFacts:
        """What was found out about the order in a row."""
        charge_currency = self._known_currencies[self._charge_currencies[row]]
        return OrderFacts(
            OrderMark(self.order[row]),
            self._totals[row],
            self._known_currencies[self._currencies[row]],
            SagaMark(self.saga[row]),
            self._charges[row] if charge_currency else None,
            charge_currency,
            self.times_charged[row],
            self.times_refunded[row],
            *(HoldMark(column[row]) for column in self.holds.values()),
        )

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def _number_of(self, currency: str) -> int:
        if currency not in self._known_currencies:
            self._known_currencies.append(currency)
        return self._known_currencies.index(currency)
