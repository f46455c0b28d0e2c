"""Orders over HTTP."""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, Response
from pydantic import AfterValidator, BeforeValidator

from application.limits import MAX_CUSTOMER_ID, MAX_LINES, MAX_ORDER_REF, MAX_PAYMENT_METHOD, check_name
from application.orders import Item, PlaceOrder
from application.queries import OrderQuery
from application.views import OrderView
from system.queries.causal_tree import causal_tree
from system.queries.fulfilment import fulfilment_of
from system.queries.trail import order_events

from .answers import answer, order_answer, written
from .models import (
    Amount,
    Model,
    MomentParameters,
    NoParameters,
    PageParameters,
    ReasonBody,
    Time,
    text_of,
)
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

CustomerId = Annotated[str, AfterValidator(text_of(MAX_CUSTOMER_ID))]
NewCustomerId = Annotated[str, AfterValidator(text_of(MAX_CUSTOMER_ID, check_name))]
NewOrderRef = Annotated[str, AfterValidator(text_of(MAX_ORDER_REF, check_name))]
PaymentMethod = Annotated[str, AfterValidator(text_of(MAX_PAYMENT_METHOD, check_name))]


def _not_all_of_too_many(value: object) -> object:
    """One more than an order may have are as wrong as all of them, and sooner looked at."""
    return value[: MAX_LINES + 1] if isinstance(value, list) else value


class ItemBody(Model):
    """A line of a new order."""

    sku: str
    quantity: int
    unit_price: Amount


class OrderBody(Model):
    """A new order."""

    customer_id: NewCustomerId
    currency: str
    payment_method: PaymentMethod
    items: Annotated[list[ItemBody], BeforeValidator(_not_all_of_too_many)]
    order_ref: NewOrderRef | None = None

    def command(self, idempotency_key: str | None) -> PlaceOrder:
        """The command that this asks for."""
        items = [Item(item.sku, item.quantity, item.unit_price) for item in self.items]
        return PlaceOrder(
            self.customer_id, self.currency, self.payment_method, items, self.order_ref, idempotency_key
        )


class OrderListParameters(PageParameters):
    """Which orders, in which order, which page."""

    status: str | None = None
    customer_id: CustomerId | None = None
    created_from: Time | None = None
    created_to: Time | None = None
    sort: str = OrderQuery.sort

    @property
    def query(self) -> OrderQuery:
        """The orders that are asked for."""
        return OrderQuery(self.status, self.customer_id, self.created_from, self.created_to, self.sort)


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


@orders.get("/orders/<order_id>/tree")
def show_tree(order_id: str) -> Response:
    """What caused what in the order's conversation, with the times between."""
    parameters(NoParameters)
    return answer(causal_tree(orderwright(), order_id_in(order_id)))


@orders.get("/orders/<order_id>/fulfilment")
def show_fulfilment(order_id: str) -> Response:
    """The order's saga and its log, always fresh."""
    parameters(NoParameters)
    return answer(fulfilment_of(orderwright(), order_id_in(order_id)))


@orders.post("/orders/<order_id>/cancellation")
def cancel_order(order_id: str) -> Response:
    """Cancel an order that stands; what it was charged and holds is given back by its saga."""
    reason = body(ReasonBody).reason
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
