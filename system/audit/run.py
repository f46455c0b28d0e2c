"""The audit of everything, and that of one order."""

import time
from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

from application.orders import OrderNotFound
from system.bootstrap import Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.operations.positions import damaged_lots

from .examine import Examined, Examiner
from .report import AuditReport, Offender, Rule, StockTotals
from .rules import breaches
from .scan import Scan, heads
from .tally import Findings, Tally

TELL_EVERY = 100


class Stage(StrEnum):
    """What an audit is at."""

    READING = "Reading events"
    JUDGING = "Comparing"
    AGAIN = "Looking again"


Progress = Callable[[Stage, int, int], object]
"""Told the stage, and how much of it is done of how much: events, orders, orders that seem wrong."""


def _nobody(*_: object) -> None:
    """Told of progress when nobody wants to know."""


def audit(orderwright: Orderwright, progress: Progress = _nobody) -> AuditReport:
    """Audit every order and every product, up to where the logs end now, while the system works.

    Reads the events alone, all of them. What is wrong with an order in the scan is looked at again,
    as it is then; only what is still wrong, and neither in progress nor waiting for a person, is an
    offender. Progress is told of every hundred events or orders.
    """
    collect_garbage_less_often()  # it decodes every event there is, and none of it goes round in circles
    audited = _Audit(orderwright)
    scan = Scan(orderwright, lambda done, whole: progress(Stage.READING, done, whole))
    scan.run()
    for row in scan.books:
        if row % TELL_EVERY == 0:
            progress(Stage.JUDGING, row, len(scan.books))
        order_id, facts = scan.books.order_id(row), scan.books.facts(row)
        if (scan.suspects and order_id in scan.suspects) or breaches(facts, is_at_rest=True):
            scan.suspects.add(order_id)
        else:
            audited.tally.add(order_id, facts, audited.examiner.standing(order_id, facts))
    progress(Stage.JUDGING, len(scan.books), len(scan.books))
    for done, order_id in enumerate(sorted(scan.suspects), 1):
        audited.look_closely(order_id)
        progress(Stage.AGAIN, done, len(scan.suspects))
    for lot in damaged_lots(orderwright):
        for damage in lot.damage:
            scan.strays.setdefault(
                (damage.application, UUID(damage.stream_id)),
                Offender(Rule.READABLE, None, None, "a parking lot that can be read", damage.error),
            )
    for offender in (*scan.strays.values(), *scan.shelves.offenders()):
        audited.findings.add(offender)
    return audited.report(scan.positions, scan.events, len(scan.shelves), scan.shelves.totals())


def audit_order(orderwright: Orderwright, order_id: UUID) -> AuditReport:
    """Audit one order from its own streams. Raises `OrderNotFound` when there is nothing of it at all."""
    audited = _Audit(orderwright)
    positions = heads(orderwright)
    examined = audited.look_closely(order_id)
    if not examined.events:
        raise OrderNotFound(f"there is no order '{order_id}'")
    return audited.report(positions, examined.events, 0, None)


class _Audit:
    """An audit under way."""

    def __init__(self, orderwright: Orderwright) -> None:
        self.examiner = Examiner(orderwright)
        self.tally = Tally()
        self.findings = Findings()
        self._examined = 0
        self._began = time.monotonic()

    def look_closely(self, order_id: UUID) -> Examined:
        """Examine an order, count it, and add what is wrong with it."""
        examined = self.examiner.examine(order_id)
        self._examined += 1
        if examined.facts is not None:
            self.tally.add(order_id, examined.facts, examined.standing)
        for breach in examined.breaches:
            self.findings.add(Offender(breach.rule, str(order_id), None, breach.expected, breach.found))
        return examined

    def report(
        self, positions: dict[str, int], events: int, products: int, stock: StockTotals | None
    ) -> AuditReport:
        """What was found so far."""
        in_progress, waiting = self.tally.in_progress_and_waiting()
        return AuditReport(
            is_clean=not self.findings.found,
            seconds=round(time.monotonic() - self._began, 3),
            positions=positions,
            events=events,
            orders=self.tally.orders,
            orders_in_progress=in_progress,
            orders_waiting=waiting,
            payments=self.tally.payments,
            reservations=self.tally.reservations,
            products=products,
            examined_again=self._examined,
            money=self.tally.money(),
            stock=stock,
            rules=self.findings.by_rule(),
            offenders_found=self.findings.found,
            offenders=tuple(self.findings.offenders),
            waiting=tuple(self.tally.waiting),
        )
