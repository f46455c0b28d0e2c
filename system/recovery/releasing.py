"""Stock that is held for nobody: found out by what the audit would say of the order, and released."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from application.base import CommandContext
from application.limits import MAX_REASON, check_text
from domain.inventory import Reservation, ReservationStatus
from domain.shared.errors import Contradiction
from system.audit.examine import Examiner
from system.audit.facts import OrderMark, SagaMark
from system.audit.report import Rule
from system.bootstrap import Orderwright
from system.steps.side import HeldLine

_STILL_ON_ITS_WAY = frozenset({SagaMark.RUNNING, SagaMark.COMPENSATING, SagaMark.WAITING})


class ReservationInUse(Contradiction):
    """The stock is held for an order that needs it, or whose fulfilment may still want it."""

    code = "reservation_in_use"


@dataclass(frozen=True)
class ReservationReport:
    """The reservation of an order: what it is about, whether it can be released by hand, and why or why
    not. `released` says whether this call has done it."""

    order_id: str
    status: str
    lines: Sequence[HeldLine]
    can_be_released: bool
    why: str
    released: bool = False


def preview_release(orderwright: Orderwright, order_id: UUID) -> ReservationReport:
    """What is reserved for an order, and whether it can be released by hand. Changes nothing.

    Raises `ReservationNotFound`.
    """
    return _report(orderwright.inventory.reservation(order_id), _objection(orderwright, order_id))


def release_reservation(
    orderwright: Orderwright, order_id: UUID, context: CommandContext, reason: str
) -> ReservationReport:
    """Make available again what is held for an order that does not exist, or whose fulfilment has ended
    without confirming it. What is held no more is left alone.

    The reason is recorded with the user. Raises `ReservationNotFound`, `ReservationInUse` and
    `ConcurrentChanges`.
    """
    check_text(reason, MAX_REASON)

    def check() -> None:
        objection = _objection(orderwright, order_id)
        if objection is not None:
            raise ReservationInUse(f"the stock of order {order_id} cannot be released: {objection}")

    reservation, released = orderwright.inventory.release_by_hand(order_id, reason, context, check)
    return _report(reservation, None, released=released)


def _report(reservation: Reservation, objection: str | None, *, released: bool = False) -> ReservationReport:
    is_held = reservation.status is ReservationStatus.HELD
    if is_held:
        why = objection or "it is held for an order that does not exist, or that no longer needs it"
    elif reservation.status is ReservationStatus.REJECTED:
        why = f"nothing was reserved: {reservation.reject_reason}"
    else:
        why = "it is released"
    return ReservationReport(
        order_id=str(reservation.order_id),
        status=str(reservation.status),
        lines=tuple(HeldLine(line.sku, line.quantity) for line in reservation.lines),
        can_be_released=is_held and objection is None,
        why=why,
        released=released,
    )


def _objection(orderwright: Orderwright, order_id: UUID) -> str | None:
    """Why the stock that an order holds has to stay held, or None.

    It may go when the audit would name it and nobody has anything to read or to repair about the order,
    not even where there is none: what was put aside would otherwise be told to a later fulfilment.
    """
    examiner = Examiner(orderwright)
    examined = examiner.examine(order_id)
    facts = examined.facts
    if facts is None:
        return f"its events cannot be read ({examined.breaches[0].found})"
    if facts.saga in _STILL_ON_ITS_WAY:
        return f"its fulfilment is still {facts.saga.name}; see `orderwright orders explain {order_id}`"
    if facts.order is OrderMark.CONFIRMED:
        return "the order is CONFIRMED and needs it; cancel the order to give it back"
    is_named = any(breach.rule is Rule.RESERVATION_HAS_ORDER for breach in examined.breaches)
    if is_named and examined.is_at_rest:
        return None
    if examiner.is_parked(order_id):
        return (
            "an event about the order is parked; retry or discard it first, see "
            f"`orderwright dead-letters list --order {order_id}`"
        )
    return (
        "something about the order has still to be processed, which may need the stock or release it; see "
        f"whether a runner is at work, try again in a moment, or see `orderwright orders explain {order_id}`"
    )
