"""Orders over HTTP."""

from uuid import UUID

from flask import Blueprint, Response

from application.views import OrderView
from system.queries.fulfilment import fulfilment_of
from system.queries.trail import order_events

from .answers import answer, order_answer, written
from .models import CancellationBody, MomentParameters, NoParameters, OrderBody, OrderListParameters
from .requests import (
    body,
    command_context,
    expected_version,
    idempotency_key,
    order_id_in,
    orderwright,
    parameters,
    seen,
)

orders = Blueprint("orders", __name__)


@orders.post("/orders")
def place_order() -> Response:
    """Place an order. The same Idempotency-Key again answers with the same order."""
    command = body(OrderBody).command(idempotency_key())
    done = orderwright().orders.place_order(command, command_context())
    return written(done, 201, f"/orders/{done.view.order_id}")


@orders.get("/orders")
def list_orders() -> Response:
    """A page of the orders that match, from the order dashboard."""
    wanted = parameters(OrderListParameters)
    return answer(seen(orderwright().dashboard).list_orders(wanted.query, wanted.page))


@orders.get("/orders/<order_id>")
def show_order(order_id: str) -> Response:
    """An order, always fresh: now, at a version, or as of a moment."""
    return order_answer(_order_at(order_id_in(order_id), parameters(MomentParameters)))


@orders.get("/orders/<order_id>/events")
def show_events(order_id: str) -> Response:
    """Every event of the order's conversation across all applications, causes before effects."""
    parameters(NoParameters)
    return answer({"events": order_events(orderwright(), order_id_in(order_id))})


@orders.get("/orders/<order_id>/fulfilment")
def show_fulfilment(order_id: str) -> Response:
    """The order's saga and its log, always fresh."""
    parameters(NoParameters)
    return answer(fulfilment_of(orderwright(), order_id_in(order_id)))


@orders.post("/orders/<order_id>/cancellation")
def cancel_order(order_id: str) -> Response:
    """Cancel an order that stands; what it was charged and holds is given back by its saga."""
    reason = body(CancellationBody).reason
    done = orderwright().orders.cancel_order(
        order_id_in(order_id), reason, command_context(), expected_version=expected_version()
    )
    return written(done)


def _order_at(order_id: UUID, moment: MomentParameters) -> OrderView:
    if moment.version is not None:
        return orderwright().orders.order_at_version(order_id, moment.version)
    if moment.as_of is not None:
        return orderwright().orders.order_as_of(order_id, moment.as_of)
    return orderwright().orders.order(order_id)
