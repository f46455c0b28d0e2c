"""The Flask app: its routes, what every request gets, and how every error is answered."""

import re
from uuid import uuid4

import structlog
from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import NotAcceptable

from system.audit.job import AuditJob
from system.bootstrap import Orderwright
from system.observability.health import Health
from system.runner.service import RunnerService
from web.errors import STORE_CODES, AuditUnderWay, Fault, MalformedRequest, problem_of

from .answers import API, problem_answer
from .audit import AUDIT_JOB, audit
from .body import pointer
from .dead_letters import dead_letters
from .events import events
from .figures import figures
from .followers import followers
from .fulfilments import fulfilments
from .health import HEALTH, health, health_of_process
from .history import history
from .hosts import AllowedHosts
from .interventions import interventions
from .limits import MAX_REQUEST_ID
from .metrics import EXPOSITION, metrics, new_metrics
from .orders import orders
from .payments import payments
from .projections import projections
from .requests import EXTENSION, RUNNER_SERVICE
from .reservations import reservations
from .snapshots import snapshots
from .stock import stock
from .verification import verification
from .waiting import WAITING, Waiting

ALLOWED_HOSTS = "allowed_hosts"
_REQUEST_ID = re.compile(f"[\x21-\x7e]{{1,{MAX_REQUEST_ID}}}")

log = structlog.get_logger()


def create_app(
    orderwright: Orderwright, runner_service: RunnerService | None = None, listens_at: str | None = None
) -> Flask:
    """An app that serves a system. With a runner service, readiness includes the following. It answers
    under the name at which it listens, whatever else is allowed."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = orderwright.settings.max_body_bytes
    app.url_map.merge_slashes = False  # a SKU may hold two slashes in a row
    app.extensions[EXTENSION] = orderwright
    app.extensions[RUNNER_SERVICE] = runner_service
    app.extensions[HEALTH] = Health(orderwright, runner_service)
    app.extensions[WAITING] = Waiting(orderwright.settings.api_threads)
    app.extensions[AUDIT_JOB] = AuditJob(orderwright)
    app.extensions[ALLOWED_HOSTS] = AllowedHosts(orderwright.settings, listens_at)
    app.extensions[EXPOSITION] = new_metrics(orderwright, runner_service)
    for blueprint in (
        *(orders, stock, payments, fulfilments, events, history, figures, followers, snapshots),
        *(audit, verification, dead_letters, interventions, projections, reservations),
    ):
        app.register_blueprint(blueprint, url_prefix=API)
    app.register_blueprint(health)
    app.register_blueprint(metrics)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Exception, _answer_error)
    return app


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid4())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id, method=request.method, path=request.path)
    # Whoever watches over this process asks under any name; the plain answer tells nothing of the shop.
    if request.blueprint != health.name or request.query_string:
        current_app.extensions[ALLOWED_HOSTS].check(request.environ.get("HTTP_HOST"))
    for name, text in request.args.items(multi=True):
        if "\0" in name + text:  # not every store could be asked for it
            raise MalformedRequest(
                Fault(
                    pointer(name), "invalid_query", "a parameter may not have control characters such as NUL"
                )
            )
    answers_text = request.blueprint == metrics.name
    if (
        not answers_text
        and request.accept_mimetypes
        and not request.accept_mimetypes.best_match(("application/json", "application/problem+json"))
    ):
        raise NotAcceptable


def _finish(response: Response) -> Response:
    if "Consistency-Token" in response.headers and "Idempotent-Replayed" not in response.headers:
        health_of_process().commands.taken()
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _answer_error(error: Exception) -> Response:
    problem = problem_of(error)
    if problem.code == "internal_error":
        log.error("request failed", exc_info=error)
    elif problem.status >= 500 and not isinstance(error, AuditUnderWay):
        log.warning("request put off", code=problem.code, error=str(error))
        if problem.code in STORE_CODES and request.method == "POST":
            health_of_process().commands.refused()
    return problem_answer(problem)
