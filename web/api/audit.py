"""The conservation audit over HTTP."""

from flask import Blueprint, Response

from system.operations.audit import audit as audit_everything
from system.operations.audit import audit_order

from .answers import answer
from .models import AuditParameters
from .requests import order_id_in, orderwright, parameters

audit = Blueprint("audit", __name__)


@audit.get("/operations/audit")
def show_audit() -> Response:
    """The audit of everything, which reads every event, or of one order, which reads its own."""
    order_id = parameters(AuditParameters).order_id
    if order_id is None:
        return answer(audit_everything(orderwright()))
    return answer(audit_order(orderwright(), order_id_in(order_id)))
