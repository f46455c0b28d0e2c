"""Stock that is held for nobody, over HTTP."""

from flask import Blueprint, Response

from system.operations.releasing import preview_release, release_reservation

from .answers import answer
from .models import InterventionBody, NoParameters
from .requests import body, command_context, order_id_in, orderwright, parameters

reservations = Blueprint("reservations", __name__)

RESERVATION = "/operations/reservations/<order_id>"


@reservations.get(RESERVATION)
def show(order_id: str) -> Response:
    """What is reserved for an order, and whether it can be released by hand."""
    parameters(NoParameters)
    return answer(preview_release(orderwright(), order_id_in(order_id)))


@reservations.post(RESERVATION + "/release")
def release(order_id: str) -> Response:
    """Release it, where nobody needs it any more."""
    reason = body(InterventionBody).reason
    return answer(release_reservation(orderwright(), order_id_in(order_id), command_context(), reason))
