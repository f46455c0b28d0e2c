"""A shop to look at."""

import click

from application.views import to_json
from system.imports.demo import Demo
from system.imports.demo_orders import CURRENCY
from system.imports.large_demo import LargeDemo, LargeDemoReport

from .commands import Command, user_option, wants_json
from .output import write_fields, write_json, write_line, write_table
from .progress import progress_bars
from .resuming import told_how_to_resume
from .store import followed, opened

ORDERS = 300
DAYS = 365


@click.command(cls=Command)
@click.option(
    "--orders", show_default=str(ORDERS), type=click.IntRange(1, 100_000), help="How many orders, placed now."
)
@click.option(
    "--events",
    type=click.IntRange(1, 100_000_000),
    metavar="N",
    help="Instead, orders of years past that lead to so many events, or up to thirty more.",
)
@click.option(
    "--days",
    show_default=str(DAYS),
    type=click.IntRange(1, 36_500),
    help="With --events: over how many days up to now the orders are spread.",
)
@click.option("--seed", default=42, show_default=True, help="A number; each makes another shop.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@user_option
def demo(orders: int | None, events: int | None, days: int | None, seed: int, quiet: bool, user: str) -> None:
    """Fill the store with a shop: products, stock, and orders of every outcome.

    Some payments are declined, fail or time out; some orders are short of stock, some are
    cancelled by their customer, and some refunds fail, one kind for good, which leaves work for
    a person. Run again with the same seed, it records nothing new.

    With --events it makes a large store, some thousand events a second: nothing else may follow the
    store meanwhile. Stopped at any moment, it is resumed by the same command.
    """
    if events is not None and orders is not None:
        raise click.UsageError("--orders and --events exclude each other: name how many of one of them")
    if events is None and days is not None:
        raise click.UsageError("--days is for --events: the orders of --orders are placed now")
    if events is not None:
        _make_large(events, days or DAYS, seed, quiet=quiet, user=user)
    else:
        _make(orders or ORDERS, seed, quiet=quiet, user=user)


def _make_large(events: int, days: int, seed: int, *, quiet: bool, user: str) -> None:
    with told_how_to_resume(), opened() as orderwright, progress_bars(quiet=quiet) as bars:
        shop = LargeDemo(orderwright, seed=seed, events=events, days=days, user=user)
        with bars.bar("Making events", events, "events") as advance:
            report = shop.make(advance)
        statuses = dict(orderwright.dashboard.count_by_status())
    if wants_json():
        write_json({"seed": seed, **to_json(report), "statuses": statuses})
        return
    _write_large(report, statuses)


def _write_large(report: LargeDemoReport, statuses: dict[str, int]) -> None:
    recorded = report.recorded
    new = (
        f"{report.recorded_events:,} events in {report.seconds:,.0f} s, "
        f"{report.events_per_second:,} a second: {recorded.orders:,} orders, "
        f"{recorded.cancellations:,} cancellations, {recorded.receipts:,} receipts"
    )
    write_fields(
        [
            ("the shop", f"{report.events:,} events of {report.orders:,} orders"),
            ("recorded now", new if recorded.anything else "nothing new: this shop was there already"),
            (
                "in the store now",
                ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items())),
            ),
        ]
    )


def _make(orders: int, seed: int, *, quiet: bool, user: str) -> None:
    with followed() as (orderwright, service), progress_bars(quiet=quiet) as bars:
        shop = Demo(orderwright, seed=seed, orders=orders, user=user)
        with bars.bar("Receiving stock", None):
            shop.receive_stock()
        with bars.bar("Placing orders", orders) as advance:
            shop.place_orders(lambda done: advance(done, done))
        bars.settle(orderwright, service)
        shop.cancel_orders()
        bars.settle(orderwright, service)
        outcomes, stock, recorded = shop.outcomes(), shop.stock(), shop.recorded
    if wants_json():
        report = {"recorded": recorded, "currency": CURRENCY, "outcomes": outcomes, "stock": stock}
        write_json({"seed": seed, "orders": orders, **to_json(report)})
        return
    write_table(
        (
            "meant to show",
            "paid with",
            ">orders",
            ">confirmed",
            ">cancelled",
            ">open",
            ">charged",
            ">refunded",
        ),
        (
            (
                row.outcome,
                row.payment_method,
                row.orders,
                row.statuses["CONFIRMED"],
                row.statuses["CANCELLED"],
                row.statuses["CREATED"],
                f"{row.charged} {CURRENCY}",
                f"{row.refunded} {CURRENCY}",
            )
            for row in outcomes
        ),
    )
    write_line("")
    write_table(
        ("product", ">on hand", ">reserved", ">available"),
        ((item.sku, item.on_hand, item.reserved, item.available) for item in stock),
    )
    write_line("")
    if recorded.anything:
        write_line(
            f"Recorded {recorded.orders} orders, {recorded.cancellations} cancellations and "
            f"{recorded.receipts} receipts."
        )
    else:
        write_line("Nothing new: this shop was there already.")
