"""Fulfilments that do not go on by themselves, over HTTP."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import AfterValidator

from application.limits import MAX_REASON, check_name
from system.queries.fulfilment import fulfilment_of
from system.recovery.interventions import force_complete, force_fail, resume_fulfilment, retry_fulfilment

from .answers import answer
from .models import NoParameters, Reason, ReasonBody, text_of
from .requests import body, command_context, order_id_in, orderwright, parameters

interventions = Blueprint("interventions", __name__)

RefundReference = Annotated[str, AfterValidator(text_of(MAX_REASON, check_name))]


class ResumeBody(ReasonBody):
    """From which step it is to go on, and why."""

    step: Reason


class ForceFailBody(ReasonBody):
    """Why a fulfilment is to end as failed; and where a refund that was made by hand is written down."""

    refund_reference: RefundReference | None = None


FULFILMENT = "/operations/fulfilments/<order_id>"


@interventions.get(FULFILMENT)
def show(order_id: str) -> Response:
    """The fulfilment of an order and its log, always fresh."""
    parameters(NoParameters)
    return answer(fulfilment_of(orderwright(), order_id_in(order_id)))


@interventions.post(FULFILMENT + "/retry")
def retry(order_id: str) -> Response:
    """Ask once more for what it waits for, or tell it what it missed."""
    reason = body(ReasonBody).reason
    return answer(retry_fulfilment(orderwright(), order_id_in(order_id), command_context(), reason))


@interventions.post(FULFILMENT + "/resume-from")
def resume_from(order_id: str) -> Response:
    """The same from a step."""
    wanted = body(ResumeBody)
    return answer(
        resume_fulfilment(orderwright(), order_id_in(order_id), wanted.step, command_context(), wanted.reason)
    )


@interventions.post(FULFILMENT + "/force-complete")
def complete(order_id: str) -> Response:
    """Have the order confirmed."""
    reason = body(ReasonBody).reason
    return answer(force_complete(orderwright(), order_id_in(order_id), command_context(), reason))


@interventions.post(FULFILMENT + "/force-fail")
def fail(order_id: str) -> Response:
    """Have the order cancelled."""
    wanted = body(ForceFailBody)
    return answer(
        force_fail(
            orderwright(),
            order_id_in(order_id),
            command_context(),
            wanted.reason,
            refund_reference=wanted.refund_reference,
        )
    )
