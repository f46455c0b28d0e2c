"""One pass over the four logs, up to where each ended when it began.

Each event is decoded and must be the one that belongs at its place; none is kept. The four ends are not
one consistent cut: what went on between reading them looks wrong. So a scan yields suspects, not offenders.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from application.inventory import Inventory
from application.orders import Orders
from application.payments import Payments
from application.unreadable import UnreadableEvent
from domain.shared.money import Money
from system.bootstrap import Orderwright
from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.persistence.store import LogRow
from system.steps.streams import FULFILMENTS, STREAM_ID

from . import meanings
from .books import Books
from .facts import HoldMark, OrderMark, PaymentMark, SagaMark
from .meanings import HOLDINGS, RESERVED, Holding
from .places import Places
from .report import Offender, Rule
from .shelves import Shelves

LOGS = tuple(STREAM_ID)[::-1]
"""In this order their ends are read: an order is placed before anything is done for it, so each order
that the other logs tell of is found in the part of Orders that is read."""

PAGE = 2000
TELL_EVERY = 100

_ONE_STREAM = {
    FULFILMENTS: Rule.SAGA_AGREES,
    Payments.name: Rule.PAYMENT_HAS_ORDER,
    **{holding.application: holding.with_order for holding in HOLDINGS},
}
"""The rule that is broken where an order has another stream in a log than the one derived from its id."""

Look = Callable[[int, int], object]
"""Told how many events are read, of how many."""


class Scan:
    """What the logs tell. `suspects` are orders whose events could not be taken in as they stand, and
    `strays` are streams that belong to no order, or do not even say to which."""

    def __init__(self, orderwright: Orderwright, look: Look) -> None:
        self._applications = orderwright.applications
        self._look = look
        self._log = ""
        self._rows: dict[int, int] = {}
        self.positions = heads(orderwright)
        self.events = 0
        self.books = Books()
        self.shelves = Shelves()
        self.suspects: set[UUID] = set()
        self.strays: dict[tuple[str, UUID], Offender] = {}

    def run(self) -> None:
        """Read everything."""
        takes: dict[str, tuple[Mapping[str, Any], Callable[..., None]]] = {
            Orders.name: (meanings.ORDER, self._take_order),
            FULFILMENTS: (meanings.SAGA, self._take_saga),
            Payments.name: (meanings.PAYMENT, self._take_payment),
            **{one.application: (one.marks, partial(self._take_hold, one)) for one in HOLDINGS},
            Inventory.name: ({**RESERVED.marks, **dict.fromkeys(meanings.SHELF)}, self._take_inventory),
        }
        for name in reversed(LOGS):
            self._read(name, *takes[name])
        self._rows = {}

    def _read(self, name: str, wanted: Mapping[str, Any], take: Callable[..., None]) -> None:
        self._rows = {}  # one index at a time
        if name in _ONE_STREAM:
            self._rows = self.books.streams(STREAM_ID[name])
        self._log = name
        before, whole = self._read_before(name), sum(self.positions.values())
        application = self._applications[name]
        places = Places(name)
        for rows in pages(application, self.positions[name]):
            for stored in rows:
                entry = Entry(stored, application.mapper)
                number, topic = entry.originator_id.int, entry.topic
                row = self._rows.get(number)
                if topic in wanted:
                    take(wanted[topic], row, entry)
                    row = self._rows.get(number) if row is None else row
                wrong = places.check(entry, row)
                if wrong is not None:
                    self._spoilt(entry, row, wrong)
            self.events += len(rows)
            self._look(before + rows[-1][4], whole)

    def _read_before(self, name: str) -> int:
        """How many events there are in the logs that are read before this one."""
        return sum(self.positions[other] for other in LOGS[LOGS.index(name) + 1 :])

    # Where whatever is wrong with one event may not stop the audit, the order is looked at again, and
    # then it is found out what is wrong.

    def _take_order(self, mark: OrderMark, row: int | None, entry: Entry) -> None:
        stream_id = entry.originator_id
        if mark == OrderMark.CREATED and row is None:
            with self._suspecting(stream_id):
                created = entry.event
                total = Money(created.total, created.currency)
                row = self._rows[stream_id.int] = self.books.open(stream_id, total.minor, total.currency)
        if row is None:
            self.suspects.add(stream_id)
        else:
            self.books.order[row] = mark

    def _take_saga(self, mark: SagaMark, row: int | None, entry: Entry) -> None:
        if row is None:
            self._suspect(entry)
        else:
            self.books.saga[row] = mark

    def _take_payment(self, mark: PaymentMark, row: int | None, entry: Entry) -> None:
        if row is None:
            self._suspect(entry)
        elif mark == PaymentMark.CHARGED:
            self.books.count_charge(row)
        elif mark == PaymentMark.REFUNDED:
            self.books.count_refund(row)
        else:
            with self._suspecting(row):
                asked = entry.event
                amount = Money(asked.amount, asked.currency)
                self.books.ask_charge(row, amount.minor, amount.currency)

    def _take_hold(self, holding: Holding, mark: HoldMark, row: int | None, entry: Entry) -> None:
        if row is None:
            self._suspect(entry)
        else:
            self.books.holds[holding.fact][row] = mark

    def _take_inventory(self, mark: HoldMark | None, row: int | None, entry: Entry) -> None:
        if mark is None:
            self.shelves.fold(entry)
            return
        self._take_hold(RESERVED, mark, row, entry)
        if mark != HoldMark.REJECTED:
            change = self.shelves.hold if mark == HoldMark.HELD else self.shelves.let_go
            with self._suspecting(row):
                change(entry.event.lines)

    def _spoilt(self, entry: Entry, row: int | None, wrong: UnreadableEvent) -> None:
        """Something is wrong with an event, whatever it says."""
        stream_id = entry.originator_id
        if row is not None:
            self.suspects.add(self.books.order_id(row))
        elif entry.topic in meanings.SHELF and self._log == Inventory.name:
            self.shelves.spoil(entry, wrong)
        elif stream_id not in self.suspects:
            self._stray(stream_id, wrong.message)

    def _stray(self, stream_id: UUID, found: str) -> None:
        offender = Offender(Rule.READABLE, None, None, "events that can be read", found)
        self.strays.setdefault((self._log, stream_id), offender)

    def _suspect(self, entry: Entry) -> None:
        """Remember the order of an event that belongs to none that is known, else its stream."""
        stream_id = entry.originator_id
        try:
            order_id = entry.event.order_id
        except Exception as error:
            self._stray(stream_id, str(error))
            return
        derived = STREAM_ID[self._log](order_id)
        if derived == stream_id:
            self.suspects.add(order_id)
        else:
            found = f"stream {stream_id} of {self._log} says that it is this order's"
            expected = f"the one stream of the order there, {derived}"
            rule = _ONE_STREAM[self._log]
            self.strays[self._log, stream_id] = Offender(rule, str(order_id), None, expected, found)

    @contextmanager
    def _suspecting(self, order: UUID | int | None) -> Iterator[None]:
        try:
            yield
        except Exception:
            if order is not None:
                self.suspects.add(self.books.order_id(order) if isinstance(order, int) else order)


def heads(orderwright: Orderwright) -> dict[str, int]:
    """Where each of the four logs ends."""
    return {name: orderwright.applications[name].recorder.max_notification_id() or 0 for name in LOGS}


def pages(application: Follower, head: int) -> Iterator[list[LogRow]]:
    """An application's log up to a position, read in large pages and given in small parts."""
    position = 0
    while position < head:
        page = [row for row in application.recorder.select_log(position, PAGE) if row[4] <= head]
        if not page:
            return
        for first in range(0, len(page), TELL_EVERY):
            yield page[first : first + TELL_EVERY]
        position = page[-1][4]
