"""Whether this process lives, and whether it is ready for work."""

from flask import Blueprint, Response, current_app

from system.observability.health import readiness

from .answers import answer
from .requests import orderwright

RUNNER_SERVICE = "runner_service"

health = Blueprint("health", __name__)


@health.get("/livez")
def live() -> Response:
    """The process answers."""
    return answer({"status": "alive"})


@health.get("/readyz")
def ready() -> Response:
    """The store answers and somebody follows it without faults; else 503, naming each check."""
    report = readiness(orderwright(), current_app.extensions[RUNNER_SERVICE])
    return answer(report, 200 if report.is_ready else 503)
