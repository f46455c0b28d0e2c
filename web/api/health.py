"""Whether this process lives, and whether it is ready for work."""

from flask import Blueprint, Response, current_app, request

from application.views import to_json
from system.observability.health import readiness, what_is_stuck

from .answers import answer
from .requests import orderwright
from .waiting import waiting

RUNNER_SERVICE = "runner_service"

health = Blueprint("health", __name__)


@health.get("/livez")
def live() -> Response:
    """The process answers."""
    return answer({"status": "alive"})


@health.get("/readyz")
def ready() -> Response:
    """The store answers and somebody follows it without faults; else 503, naming each check.

    ``?verbose`` adds what is stuck, which takes longer to find out and changes nothing else.
    """
    service = current_app.extensions[RUNNER_SERVICE]
    report = readiness(orderwright(), service)
    told = to_json(report)
    if "verbose" in request.args:
        with waiting().turn():
            told["stuck"] = to_json(what_is_stuck(orderwright(), service))
    return answer(told, 200 if report.is_ready else 503)
