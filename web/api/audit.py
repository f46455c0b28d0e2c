"""The conservation audit over HTTP."""

from typing import cast

from flask import Blueprint, Response, current_app

from system.audit import audit_order, job
from web.errors import AuditUnderWay

from .answers import answer
from .models import Model
from .requests import order_id_in, orderwright, parameters
from .waiting import waiting

AUDIT_JOB = "audit_job"

audit = Blueprint("audit", __name__)


class AuditParameters(Model):
    """What is audited: one order, or everything."""

    order_id: str | None = None


@audit.get("/operations/audit")
def show_audit() -> Response:
    """The audit of everything, which reads every event, or of one order, which reads its own."""
    order_id = parameters(AuditParameters).order_id
    if order_id is None:
        return _everything()
    return answer(audit_order(orderwright(), order_id_in(order_id)))


def _everything() -> Response:
    """The report of the one audit of this process, if it is over within a few seconds."""
    run = cast(job.AuditJob, current_app.extensions[AUDIT_JOB]).join()
    with waiting().place() as has_place:
        report = run.report(job.WAITED_FOR_SECONDS if has_place else 0)
    if report is None:
        raise AuditUnderWay(run.progress)
    return answer(report, headers={"Age": str(int(run.age_seconds))})
