"""Brings fulfilments up to what is so, from the orders and the work of the steps themselves.

For sagas whose own log has lost its end. What they had heard from the others is not sent again: it
is told here, in the order in which it can have happened. What a saga knows already changes nothing.
"""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import structlog
from eventsourcing.persistence import IntegrityError, Notification

from application.base import MAX_TRIES, CommandContext
from domain.fulfilment import Fulfilment
from domain.orders import Order, OrderStatus
from domain.shared.causes import because_of
from domain.shared.ids import fulfilment_id
from domain.shared.money import Money
from domain.shared.products import per_product
from system.bootstrap import Orderwright
from system.persistence.faults import STORE_FAULTS

from .truth import Truth, truth_about

PAGE = 500

log = structlog.get_logger()


def catch_up_fulfilments(orderwright: Orderwright, context: CommandContext) -> int:
    """Start the fulfilments that are missing, and tell each what it does not know; how many changed.

    One that cannot be told is left as it is, and logged. Raises faults of the store.
    """
    changed = 0
    for placed in _placed(orderwright):
        order_id = placed.originator_id
        try:
            changed += _catch_up(orderwright, placed, context)
        except STORE_FAULTS:
            raise
        except Exception as error:  # damage in one order is no reason to leave the others
            log.error(
                "a fulfilment could not be brought up to date", order_id=str(order_id), error=str(error)
            )
    return changed


def _placed(orderwright: Orderwright) -> Iterator[Notification]:
    """The first event of every order."""
    position = 0
    while True:
        page = orderwright.orders.recorder.select_notifications(
            start=position, limit=PAGE, topics=[Order.Created.TOPIC], inclusive_of_start=False
        )
        if not page:
            return
        yield from page
        position = page[-1].id


def _catch_up(orderwright: Orderwright, placed: Notification, context: CommandContext) -> bool:
    order_id = UUID(str(placed.originator_id))
    for _ in range(MAX_TRIES):
        order, truth = orderwright.orders.find(Order, order_id), truth_about(orderwright, order_id)
        with because_of(context.cause(order_id)):
            fulfilment = orderwright.fulfilments.find(Fulfilment, fulfilment_id(order_id))
            if fulfilment is None:
                fulfilment = begin_fulfilment(
                    cast(Order.Created, orderwright.orders.mapper.to_domain_event(placed))
                )
            tell_what_is_so(fulfilment, order, truth)
        if not fulfilment.pending_events:
            return False
        try:
            orderwright.fulfilments.save(fulfilment)
        except IntegrityError:  # its follower is at work as well
            continue
        return True
    return False


def begin_fulfilment(placed: Order.Created) -> Fulfilment:
    """The fulfilment of an order that has none yet. To be told, and saved."""
    return Fulfilment.start(
        placed.originator_id,
        payment_method=placed.payment_method,
        total=Money(placed.total, placed.currency),
        lines=per_product((line.sku, line.quantity) for line in placed.items),
    )


def tell_what_is_so(fulfilment: Fulfilment, order: Order | None, truth: Truth) -> None:
    """Tell a fulfilment what became of the order and of its work: first how far that came, then what was
    undone."""
    truth.tell_how_far_it_came(fulfilment)
    if order is not None and order.confirmed_at is not None:
        fulfilment.order_confirmed()
    if order is not None and order.status is OrderStatus.CANCELLED:
        fulfilment.order_cancelled(order.cancel_reason or "cancelled")
    truth.tell_what_was_undone(fulfilment)
