"""Import a file of orders."""

import csv
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from application.limits import MAX_PAYMENT_METHOD
from application.views import to_json
from system.bootstrap import Orderwright
from system.operations.importing import Import, Placed, Received
from system.operations.order_files import OrderFile, Refusal

from .commands import Command, user_option, wants_json
from .errors import REFUSED, UnusableFile
from .output import write_fields, write_json
from .progress import progress_bars
from .store import followed
from .values import Words

REPORT_COLUMNS = ("line", "order_ref", "code", "reason")


@click.command("import", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option(
    "--payment-method",
    default="pm_ok",
    show_default=True,
    type=Words(MAX_PAYMENT_METHOD),
    help="How the orders are paid, where the file does not say.",
)
@click.option(
    "--receive-stock",
    is_flag=True,
    help="First receive exactly the stock that the orders of the file need which are not placed yet.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused lines are listed (CSV).  [default: FILE.refused.csv, here]",
)
@click.option("--quiet", is_flag=True, help="No progress bars.")
@user_option
@click.pass_context
def import_orders(
    context: click.Context,
    file: Path,
    payment_method: str,
    receive_stock: bool,
    report: Path | None,
    quiet: bool,
    user: str,
) -> None:
    """Import the orders of FILE, and wait until they are fulfilled.

    FILE is CSV with the header order_ref,customer_id,placed_on,sku,quantity,unit_price,currency,
    or JSON lines: an object a line with these fields, or a whole order with "items". Lines with
    the same order_ref in a row are one order, imported whole or not at all. FILE is read several
    times, so it cannot be a pipe.

    Stopped at any moment, it is resumed by the same command; orders that are placed already are
    left as they are. It works beside a running service, and without one. Refused lines are listed
    in a report, those of earlier runs included.

    Exit code 1 if any line was refused, 2 if the file cannot be read.
    """
    orders = _order_file(file, payment_method)
    path = report or Path(f"{file.name}.refused.csv")
    began = time.monotonic()
    with (
        _told_how_to_resume(),
        _refused_lines(path, is_wanted=report is not None) as refusals,
        followed() as (orderwright, service),
        progress_bars(quiet=quiet) as bars,
        closing(Import(orderwright, orders, user)) as job,
    ):
        with bars.bar("Reading", orders.size) as advance:
            job.look_through(advance)
        received = None
        if receive_stock:
            with bars.bar("Receiving stock", orders.size) as advance:
                received = job.receive_stock(advance)
        with bars.bar("Placing", orders.size) as advance:
            placed = job.place_orders(refusals.add, advance)
        placed_after = time.monotonic() - began
        bars.settle(orderwright, service, placed.placed)
        seconds = time.monotonic() - began
        summary = _summary(file, job, placed, received, orderwright)
    summary["report"] = str(path) if path.exists() else None
    summary |= {
        "place_seconds": round(placed_after, 2),
        "seconds": round(seconds, 2),
        "orders_per_second": round((placed.placed + placed.already_placed) / max(seconds, 0.001), 1),
    }
    if wants_json():
        write_json(summary)
    else:
        _write(summary)
    context.exit(REFUSED if placed.refused_lines else 0)


def _order_file(file: Path, payment_method: str) -> OrderFile:
    """The file, of which at least the beginning can be read."""
    try:
        orders = OrderFile(file, payment_method)
        next(orders.orders(), None)
    except OSError as error:
        raise UnusableFile(f"{file} cannot be read: {error.strerror}") from None
    return orders


def _summary(
    file: Path, job: Import, placed: Placed, received: Received | None, orderwright: Orderwright
) -> dict[str, Any]:
    return {
        "file": str(file),
        "sha256": job.digest,
        **to_json(placed),
        "received": to_json(received),
        "orders": orderwright.dashboard.count_by_status(),
        "payments": to_json(orderwright.payment_ledger.totals()),
    }


def _write(summary: dict[str, Any]) -> None:
    fields: list[tuple[str, object]] = [
        ("placed", f"{summary['placed']:,} orders in {summary['place_seconds']} s"),
        ("already there", f"{summary['already_placed']:,} orders"),
        ("refused", f"{summary['refused']:,} orders, {summary['refused_lines']:,} lines"),
    ]
    if summary["report"] is not None:
        fields.append(("refused lines", summary["report"]))
    if summary["received"] is not None:
        received = summary["received"]
        fields.append(
            ("stock received", f"{received['quantity']:,} pieces in {received['receipts']} receipts")
        )
    fields.append(("settled after", f"{summary['seconds']} s, {summary['orders_per_second']:,} orders/s"))
    fields.append(
        ("in the store now", ", ".join(f"{n:,} {status}" for status, n in summary["orders"].items()))
    )
    fields += [
        (f"payments {total['status']}", f"{total['count']:,} of {total['amount']} {total['currency']}")
        for total in summary["payments"]
    ]
    write_fields(fields)


class _RefusedLines:
    """The report of refused lines. It takes its place when it is complete."""

    def __init__(self, path: Path) -> None:
        self._draft = path.with_name(f".{path.name}.part")
        self._path = path
        self._file = self._draft.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(REPORT_COLUMNS)
        self.count = 0

    def add(self, refusal: Refusal) -> None:
        """One more refused line."""
        reason = refusal.reason.encode(errors="backslashreplace").decode()
        self._rows.writerow((refusal.line, refusal.order_ref or "", refusal.code, reason))
        self.count += 1

    def publish(self) -> None:
        """Put the report where it belongs, in place of an earlier one."""
        self._file.close()
        self._draft.replace(self._path)

    def discard(self) -> None:
        """Leave no trace."""
        self._file.close()
        self._draft.unlink(missing_ok=True)


@contextmanager
def _refused_lines(path: Path, *, is_wanted: bool) -> Iterator[_RefusedLines]:
    """A report that is written when lines were refused, when it is asked for, or to replace an old one."""
    try:
        report = _RefusedLines(path)
    except OSError as error:
        raise UnusableFile(f"the report {path} cannot be written: {error.strerror}") from None
    try:
        yield report
        if report.count or is_wanted or path.exists():
            report.publish()
    finally:
        report.discard()


@contextmanager
def _told_how_to_resume() -> Iterator[None]:
    """Ctrl-C and SIGTERM stop the import cleanly, and say how it goes on."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if not wants_json():
            click.echo("Stopped; what was recorded is kept. Run the same command again to go on.", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
