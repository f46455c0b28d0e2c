"""A shop to look at."""

import click

from application.views import to_json
from system.imports.demo import CURRENCY, Demo

from .commands import Command, user_option, wants_json
from .output import write_json, write_line, write_table
from .progress import progress_bars
from .store import followed


@click.command(cls=Command)
@click.option("--orders", default=300, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@click.option("--seed", default=42, show_default=True, help="A number; each makes another shop.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@user_option
def demo(orders: int, seed: int, quiet: bool, user: str) -> None:
    """Fill the store with a shop: products, stock, and orders of every outcome.

    Some payments are declined, fail or time out; some orders are short of stock, some are
    cancelled by their customer, and some refunds fail, one kind for good, which leaves work for
    a person. Run again with the same seed, it records nothing new.
    """
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
