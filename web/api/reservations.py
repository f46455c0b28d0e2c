"""Which orders hold the stock of a product, and stock that is held for nobody, over HTTP."""

from flask import Blueprint, Response

from system.queries.holders import holders
from system.recovery.releasing import preview_release, release_reservation

from .answers import answer
from .models import NoParameters, PageParameters, ReasonBody
from .requests import body, command_context, order_id_in, orderwright, parameters, sku_in

reservations = Blueprint("reservations", __name__)


class HolderListParameters(PageParameters):
    """The holders of which product, which page."""

    sku: str


RESERVATION = "/operations/reservations/<order_id>"


@reservations.get("/operations/reservations")
def list_holders() -> Response:
    """A page of the orders that hold the stock of a product, the latest first."""
    asked = parameters(HolderListParameters)
    return answer(holders(orderwright(), sku_in(asked.sku), asked.page))


@reservations.get(RESERVATION)
def show(order_id: str) -> Response:
    """What is reserved for an order, and whether it can be released by hand."""
    parameters(NoParameters)
    return answer(preview_release(orderwright(), order_id_in(order_id)))


@reservations.post(RESERVATION + "/release")
def release(order_id: str) -> Response:
    """Release it, where nobody needs it any more."""
    reason = body(ReasonBody).reason
    return answer(release_reservation(orderwright(), order_id_in(order_id), command_context(), reason))
