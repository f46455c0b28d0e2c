"""What a person does about a fulfilment that does not go on by itself.

Each action looks at what is so in truth, from the work of the steps itself; first the fulfilment is told
what it may have missed. Each needs a reason, which is recorded with the user.
"""

from collections.abc import Callable
from uuid import UUID

from application.base import CommandContext
from application.limits import MAX_REASON, check_name, check_text
from application.views import FulfilmentView
from domain.fulfilment import Fulfilment, interventions
from domain.shared.errors import Contradiction
from domain.shared.ids import fulfilment_id
from system.bootstrap import Orderwright
from system.processes.order_fulfilment import OrderFulfilment
from system.queries.fulfilment import fulfilment_of

from .truth import Truth, truth_about


class FulfilmentNotBegun(Contradiction):
    """No follower has heard of the order yet; there is nothing to intervene in."""

    code = "fulfilment_not_begun"


def retry_fulfilment(
    orderwright: Orderwright, order_id: UUID, context: CommandContext, reason: str
) -> FulfilmentView:
    """Tell it what it missed, or ask once more for what it waits for, also for what could not be undone."""
    return _act(
        orderwright,
        order_id,
        context,
        reason,
        lambda saga, truth: interventions.retry(saga, reason, truth.tell),
    )


def resume_fulfilment(
    orderwright: Orderwright, order_id: UUID, step: str, context: CommandContext, reason: str
) -> FulfilmentView:
    """The same from a step, which has to be the one that everything waits for."""
    return _act(
        orderwright,
        order_id,
        context,
        reason,
        lambda saga, truth: interventions.resume_from(saga, step, reason, truth.tell),
    )


def force_complete(
    orderwright: Orderwright, order_id: UUID, context: CommandContext, reason: str
) -> FulfilmentView:
    """Have the order confirmed, when it is paid and its stock is held in truth."""
    return _act(
        orderwright,
        order_id,
        context,
        reason,
        lambda saga, truth: interventions.force_complete(saga, reason, missing=truth.missing),
    )


def force_fail(
    orderwright: Orderwright,
    order_id: UUID,
    context: CommandContext,
    reason: str,
    *,
    refund_reference: str | None = None,
) -> FulfilmentView:
    """Have the order cancelled, when nothing is held for it in truth.

    With `refund_reference` the refund that failed for good counts as made by hand, and that is where
    it is written down.
    """
    if refund_reference is not None:
        check_name(refund_reference, MAX_REASON)
        _refund_by_hand(orderwright, order_id, context, refund_reference, check_text(reason, MAX_REASON))
    return _act(
        orderwright,
        order_id,
        context,
        reason,
        lambda saga, truth: interventions.force_fail(saga, reason, held=truth.held),
    )


def _act(
    orderwright: Orderwright,
    order_id: UUID,
    context: CommandContext,
    reason: str,
    act: Callable[[Fulfilment, Truth], None],
) -> FulfilmentView:
    check_text(reason, MAX_REASON)
    orderwright.orders.order(order_id)
    fulfilments: OrderFulfilment = orderwright.fulfilments

    def decide(fulfilment: Fulfilment) -> None:
        if fulfilment.last_command_id != context.command_id:  # else it is this very command, sent again
            act(fulfilment, truth_about(orderwright, order_id))

    fulfilments.decide(lambda: _begun(fulfilments, order_id), decide, context.cause(order_id))
    return fulfilment_of(orderwright, order_id)


def _refund_by_hand(
    orderwright: Orderwright, order_id: UUID, context: CommandContext, reference: str, reason: str
) -> None:
    payments = orderwright.payments
    payments.decide(
        lambda: payments.of_order(order_id),
        lambda payment: payment.refunded_by_hand(reference, reason),
        context.cause(order_id),
    )


def _begun(fulfilments: OrderFulfilment, order_id: UUID) -> Fulfilment:
    fulfilment = fulfilments.find(Fulfilment, fulfilment_id(order_id))
    if fulfilment is None:
        raise FulfilmentNotBegun(f"the fulfilment of order {order_id} has not begun")
    return fulfilment
