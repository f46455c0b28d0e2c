"""Import a file of orders."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from application.limits import MAX_PAYMENT_METHOD
from application.views import to_json
from system.bootstrap import Orderwright
from system.imports.importing import Import, Placed, Received
from system.imports.order_files import OrderFile
from system.persistence.full_disk import is_of_a_full_disk

from .commands import Command, user_option
from .errors import REFUSED, UnusableFile, UnwritableOutput, why
from .output import write_fields, write_view
from .progress import Advance, progress_bars
from .refused_lines import refused_lines
from .resuming import told_how_to_resume
from .store import followed
from .values import Name


class _OrderFilePath(click.Path):
    """The path of a file that is there."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        if value == "-":
            self.fail("standard input has to be read several times, so save it as a file first")
        return super().convert(value, param, ctx)


@click.command("import", cls=Command)
@click.argument("file", type=_OrderFilePath(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option(
    "--payment-method",
    default="pm_ok",
    show_default=True,
    type=Name(MAX_PAYMENT_METHOD),
    help="How the orders are paid, where the file does not say.",
)
@click.option(
    "--receive-stock",
    is_flag=True,
    help="First receive exactly the stock that is needed by the file's orders that are not placed yet.",
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

    FILE is CSV with the header order_ref,customer_id,placed_on,sku,quantity,unit_price,currency
    (separated by commas, semicolons or tabs), or JSON lines: an object a line with these fields, or a
    whole order with "items". Lines with the same order_ref in a row are one order, imported whole or
    not at all. FILE is read several times, so it cannot be a pipe.

    Stopped at any moment, it is resumed by the same command; orders that are placed already are
    left as they are. It works beside a running service, and without one. Refused lines are listed
    in a report, those of earlier runs included; it replaces an earlier report and no other file.

    Exit code 1 if any line was refused, 2 if the file cannot be read or the report has no place.
    """
    orders = _order_file(file, payment_method)
    path = report or Path(f"{file.name}.refused.csv")
    began = time.monotonic()
    with (
        told_how_to_resume(),
        refused_lines(path, file, is_wanted=report is not None) as refusals,
        followed() as (orderwright, service),
        progress_bars(quiet=quiet) as bars,
        closing(Import(orderwright, orders, user)) as job,
    ):
        with bars.bar("Reading", orders.size) as advance:
            _look_through(job, advance)
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
    write_view(summary, _write)
    context.exit(REFUSED if placed.refused_lines else 0)


def _order_file(file: Path, payment_method: str) -> OrderFile:
    """The file, of which at least the beginning can be read."""
    try:
        orders = OrderFile(file, payment_method)
        next(orders.orders(), None)
    except OSError as error:
        raise UnusableFile(f"{file} cannot be read: {why(error)}") from None
    return orders


def _look_through(job: Import, advance: Advance) -> None:
    try:
        job.look_through(advance)
    except OSError as error:
        if is_of_a_full_disk(error):
            raise UnwritableOutput("a temporary file", error) from None
        raise


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
