"""Help a fulfilment that does not go on by itself."""

from collections.abc import Callable
from uuid import UUID, uuid4

import click

from application.base import CommandContext
from application.limits import MAX_REASON
from application.views import FulfilmentView
from system.bootstrap import Orderwright
from system.recovery.interventions import force_complete, force_fail, resume_fulfilment, retry_fulfilment
from system.steps.table import SIDE

from .commands import Command, ask, order_argument, user_option, yes_option
from .fulfilment_output import write_fulfilment
from .store import opened
from .values import Name, Words

_reason_option = click.option(
    "--reason", required=True, type=Words(MAX_REASON), help="Why; recorded in the order's trail."
)


@click.command("retry", cls=Command)
@order_argument
@_reason_option
@user_option
def retry(order_id: UUID, reason: str, user: str) -> None:
    """Have the fulfilment of ORDER_ID ask once more for the step it waits for, or for undoing it.

    If the answer is there and the fulfilment only missed it, it is given that answer instead.
    """
    _help(lambda orderwright, command: retry_fulfilment(orderwright, order_id, command, reason), user)


@click.command(
    "resume-from",
    cls=Command,
    help=f"Retry from STEP ({' or '.join(SIDE)}). Refused unless the fulfilment waits for it.",
)
@order_argument
@click.argument("step", metavar="STEP")
@_reason_option
@user_option
def resume_from(order_id: UUID, step: str, reason: str, user: str) -> None:
    """Retry from a step. Refused unless the fulfilment waits for it."""
    _help(lambda orderwright, command: resume_fulfilment(orderwright, order_id, step, command, reason), user)


@click.command("force-complete", cls=Command)
@order_argument
@_reason_option
@yes_option
@user_option
def complete(order_id: UUID, reason: str, yes: bool, user: str) -> None:
    """Have ORDER_ID confirmed. Refused unless its payment is completed and its stock is reserved."""
    ask(f"Have order {order_id} confirmed?", yes=yes)
    _help(lambda orderwright, command: force_complete(orderwright, order_id, command, reason), user)


@click.command("force-fail", cls=Command)
@order_argument
@_reason_option
@click.option(
    "--refund-reference",
    type=Name(MAX_REASON),
    help="Reference of the refund that was made in another way, such as the number of a bank transfer.",
)
@yes_option
@user_option
def fail(order_id: UUID, reason: str, refund_reference: str | None, yes: bool, user: str) -> None:
    """Have ORDER_ID cancelled. Refused while money or stock is held for it, or may still be."""
    ask(f"Have order {order_id} cancelled?", yes=yes)
    _help(
        lambda orderwright, command: force_fail(
            orderwright, order_id, command, reason, refund_reference=refund_reference
        ),
        user,
    )


def _help(act: Callable[[Orderwright, CommandContext], FulfilmentView], user: str) -> None:
    with opened() as orderwright:
        view = act(orderwright, CommandContext(str(uuid4()), orderwright.clock(), user))
    write_fulfilment(view)
