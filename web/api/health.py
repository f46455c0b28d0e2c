"""Whether this process lives, and whether it is ready for work."""

from typing import cast

from flask import Blueprint, Response, current_app, request

from application.views import to_json
from system.observability.health import Health

from .answers import answer
from .waiting import waiting

HEALTH = "health"

health = Blueprint("health", __name__)


def health_of_process() -> Health:
    """What this process knows of its own health."""
    return cast(Health, current_app.extensions[HEALTH])


@health.get("/livez")
def live() -> Response:
    """The process answers."""
    return answer({"status": "alive"})


@health.get("/readyz")
def ready() -> Response:
    """Whether a command would be taken and followed now; else 503, naming each check.

    ``?verbose`` adds what is stuck, which takes longer to find out and changes nothing else.
    """
    report = health_of_process().readiness()
    told = to_json(report)
    if "verbose" in request.args:
        with waiting().turn():
            told["stuck"] = to_json(health_of_process().stuck())
    return answer(told, 200 if report.is_ready else 503)
