"""The dead-letter desk over HTTP."""

from flask import Blueprint, Response

from system.recovery.dead_letters.desk import DeadLetterDesk
from system.recovery.dead_letters.source import ActionReport

from .answers import answer
from .dead_letter_models import CaseListParameters, DiscardBody, RetryAllBody, RetryBody
from .models import NoParameters
from .requests import body, command_context, orderwright, parameters
from .waiting import waiting

dead_letters = Blueprint("dead_letters", __name__)

DESK = "/operations/dead-letters"


@dead_letters.get(DESK)
def list_dead_letters() -> Response:
    """A page of everything that waits for a person, the one that waits longest first."""
    wanted = parameters(CaseListParameters)
    with waiting().turn():
        return answer(_desk().list(wanted.query, wanted.page))


@dead_letters.get(DESK + "/<case_id>")
def show_dead_letter(case_id: str) -> Response:
    """A case with its event and all that waits behind it."""
    parameters(NoParameters)
    with waiting().turn():
        return answer(_desk().show(case_id))


@dead_letters.post(DESK + "/<case_id>/retry")
def retry_dead_letter(case_id: str) -> Response:
    """Retry a case, or show what that would change."""
    wanted = body(RetryBody)
    if wanted.dry_run:
        with waiting().turn():
            return answer(_desk().dry_run(case_id, sequence=wanted.sequence))
    report = _desk().retry(case_id, command_context(), wanted.reason, sequence=wanted.sequence)
    return _answer(report)


@dead_letters.post(DESK + "/retry")
def retry_dead_letters() -> Response:
    """Retry a page of the cases that match, each with all that waits behind it; or count them."""
    wanted = body(RetryAllBody)
    if wanted.preview:
        with waiting().turn():
            return answer(_desk().preview_all(wanted.filters.query))
    report = _desk().retry_all(wanted.filters.query, command_context(), wanted.reason, page=wanted.page)
    return answer(report)


@dead_letters.post(DESK + "/<case_id>/discard")
def discard_dead_letter(case_id: str) -> Response:
    """Give an event up for good; what waits behind it comes next."""
    reason = body(DiscardBody).reason
    return _answer(_desk().discard(case_id, command_context(), reason))


def _desk() -> DeadLetterDesk:
    return DeadLetterDesk(orderwright())


def _answer(report: ActionReport) -> Response:
    return answer(report, headers={"Idempotent-Replayed": "true"} if report.replayed else {})
