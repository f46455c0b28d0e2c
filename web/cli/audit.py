"""Audit the store: is any money or stock lost, held for nobody, or counted twice?"""

from collections.abc import Mapping
from uuid import UUID

import click

from system.audit import AuditReport, Rule, Stage, audit_order
from system.audit import audit as audit_everything

from .commands import Command
from .errors import REFUSED
from .output import write_line, write_table, write_view
from .progress import progress_bars
from .store import opened

_UNITS: Mapping[str, str] = {Stage.READING: "events", Stage.JUDGING: "orders", Stage.AGAIN: "orders"}
_SHOWN_WAITING = 20


@click.command(cls=Command)
@click.option("--order", "order_id", metavar="ORDER_ID", type=click.UUID, help="Audit this order only.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def audit(context: click.Context, order_id: UUID | None, quiet: bool) -> None:
    """Audit money and stock, from the events alone, while the system works.

    For every order and in total: captured - refunded is what is owed, every payment and every
    reservation belongs to an order; for every product: on hand is what was received, reserved is what
    orders hold. Names each offender. Exit code 1 when there is one.
    """
    with opened() as orderwright:
        if order_id is not None:
            report = audit_order(orderwright, order_id)
        else:
            with progress_bars(quiet=quiet) as bars:
                report = audit_everything(orderwright, bars.stages(_UNITS))
    write_view(report, _write)
    context.exit(0 if report.is_clean else REFUSED)


def _write(report: AuditReport) -> None:
    write_table(
        ("rule", "what has to be so", ">offenders"),
        ((result.rule, result.promise, result.offenders) for result in report.rules),
    )
    write_line("")
    write_table(
        (
            "currency",
            ">captured",
            ">refunded",
            ">owed",
            ">held, in progress",
            ">held, waiting for a person",
            ">difference",
        ),
        (
            (
                money.currency,
                money.captured,
                money.refunded,
                money.owed,
                money.held_in_progress,
                money.held_waiting,
                money.difference,
            )
            for money in report.money
        ),
    )
    if report.stock is not None:
        stock = report.stock
        write_line("")
        write_table(
            (">on hand", ">received", ">reserved", ">held by reservations", ">available"),
            [(stock.on_hand, stock.received, stock.reserved, stock.held, stock.available)],
        )
    if report.offenders:
        write_line("")
        write_table(
            ("offender", "rule", "expected", "found"),
            ((one.order_id or one.sku, one.rule, one.expected, one.found) for one in report.offenders),
        )
    write_line("")
    for sentence in _sentences(report):
        write_line(sentence)


def _sentences(report: AuditReport) -> list[str]:
    positions = ", ".join(f"{name} {position:,}" for name, position in report.positions.items())
    counts = ", ".join(
        _counted(number, noun)
        for number, noun in (
            (report.orders, "order"),
            (report.payments, "payment"),
            (report.reservations, "reservation"),
            (report.products, "product"),
        )
    )
    events = _counted(report.events, "event")
    in_progress, examined = report.orders_in_progress, report.examined_again
    sentences = [
        f"Read {events} up to {positions} in {report.seconds:,.1f} seconds: {counts}.",
        f"In progress: {_counted(in_progress, 'order')}. Examined again: {_counted(examined, 'order')}.",
    ]
    if report.orders_waiting:
        more = ", ..." if report.orders_waiting > _SHOWN_WAITING else ""
        named = ", ".join(report.waiting[:_SHOWN_WAITING])
        sentences.append(f"Waiting for a person: {_counted(report.orders_waiting, 'order')}: {named}{more}")
    if report.is_clean:
        sentences.append("Nothing is missing and nothing is left over.")
    else:
        unnamed = report.offenders_found - len(report.offenders)
        others = f", of which {unnamed:,} are not listed" if unnamed else ""
        sentences.append(f"Found {_counted(report.offenders_found, 'offender')}{others}.")
    if any(one.rule is Rule.RESERVATION_HAS_ORDER and one.offenders for one in report.rules):
        sentences.append("Stock that is held for nobody is released by `orderwright stock release ORDER_ID`.")
    return sentences


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
