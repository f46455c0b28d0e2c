"""How a fulfilment is shown on the command line."""

from application.views import FulfilmentView

from .output import write_fields, write_line, write_table, write_view


def write_fulfilment(fulfilment: FulfilmentView) -> None:
    """Show a fulfilment and its log."""
    write_view(fulfilment, _write)


def _write(fulfilment: FulfilmentView) -> None:
    write_fields((("order", fulfilment.order_id), ("status", fulfilment.status)))
    write_line("")
    write_table(
        ("at", "step", "status", ">attempt", "error", "next attempt"),
        (
            (step.at, step.step, step.status, step.attempt, step.error, step.next_at)
            for step in fulfilment.steps
        ),
    )
    for damage in fulfilment.damage:
        write_line("")
        write_line(f"Not all of it can be shown: {damage.error}.")
