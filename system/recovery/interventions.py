"""What a person does about a fulfilment that does not go on by itself.

Each action looks at what is so in truth, from the payment and the reservation themselves; first the
fulfilment is told what it may have missed. Each needs a reason, which is recorded with the user.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from application.base import CommandContext
from application.limits import MAX_REASON, check_name, check_text
from application.views import FulfilmentView
from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, Fulfilment, interventions
from domain.inventory import Reservation, ReservationStatus
from domain.payments import Payment, PaymentStatus
from domain.shared.errors import Contradiction
from domain.shared.ids import fulfilment_id, payment_id, reservation_id
from system.bootstrap import Orderwright
from system.processes.order_fulfilment import OrderFulfilment
from system.queries.fulfilment import fulfilment_of


class FulfilmentNotBegun(Contradiction):
    """No follower has heard of the order yet; there is nothing to intervene in."""

    code = "fulfilment_not_begun"


@dataclass(frozen=True)
class Truth:
    """What is so: the payment and the reservation of an order, if there are any."""

    payment: Payment | None
    reservation: Reservation | None

    @property
    def missing(self) -> str | None:
        """What a confirmed order would need and does not have, or None."""
        if self.payment is None or self.payment.status is not PaymentStatus.COMPLETED:
            return f"the payment is {self.payment.status if self.payment else 'not asked for'}"
        if self.reservation is None or self.reservation.status is not ReservationStatus.HELD:
            return f"the reservation is {self.reservation.status if self.reservation else 'not made'}"
        return None

    @property
    def held(self) -> str | None:
        """Which money or stock is held, or may be, or None."""
        payment, reservation = self.payment, self.reservation
        if payment is not None and payment.is_undecided:
            return (
                f"the payment is {payment.status}, so there may be a charge; "
                "cancel the order instead, which calls it off"
            )
        if payment is not None and payment.status not in (PaymentStatus.DECLINED, PaymentStatus.REFUNDED):
            return (
                f"{payment.amount.amount} {payment.amount.currency} are charged and not given back "
                f"(the payment is {payment.status}); record a refund that was made by hand first"
            )
        if reservation is not None and reservation.status is ReservationStatus.HELD:
            return "its stock is still reserved"
        return None

    def tell(self, fulfilment: Fulfilment) -> None:
        """Tell a fulfilment what it may have missed. What it knows already changes nothing."""
        payment, reservation = self.payment, self.reservation
        if payment is not None and payment.status is PaymentStatus.COMPLETED:
            fulfilment.step_completed(PROCESS_PAYMENT)
        elif payment is not None and payment.status is PaymentStatus.DECLINED:
            fulfilment.step_failed(PROCESS_PAYMENT, "payment declined")
        elif payment is not None and payment.status is PaymentStatus.REFUNDED:
            fulfilment.step_compensated(PROCESS_PAYMENT)
        if reservation is None:
            return
        if reservation.status is ReservationStatus.HELD:
            fulfilment.step_completed(RESERVE_INVENTORY)
        elif reservation.status is ReservationStatus.REJECTED:
            fulfilment.step_failed(RESERVE_INVENTORY, reservation.reject_reason or "not enough stock")
        else:
            fulfilment.step_compensated(RESERVE_INVENTORY)


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
            act(fulfilment, _truth(orderwright, order_id))

    fulfilments.decide(lambda: _begun(fulfilments, order_id), decide, context.cause(order_id))
    return fulfilment_of(orderwright, order_id)


def _truth(orderwright: Orderwright, order_id: UUID) -> Truth:
    return Truth(
        orderwright.payments.find(Payment, payment_id(order_id)),
        orderwright.inventory.find(Reservation, reservation_id(order_id)),
    )


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
