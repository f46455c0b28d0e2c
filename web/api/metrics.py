"""Metrics for Prometheus."""

from typing import cast

from flask import Blueprint, Response, current_app

from system.bootstrap import Orderwright
from system.observability.metrics import snapshot
from system.observability.prometheus import CONTENT_TYPE, Exposition
from system.operations.stuck import PositionWatch
from system.runner.service import RunnerService
from web.errors import Busy

from .waiting import TURN_WITHIN_SECONDS, waiting

EXPOSITION = "exposition"

metrics = Blueprint("metrics", __name__)


def new_metrics(orderwright: Orderwright, service: RunnerService | None) -> Exposition:
    """What an app tells Prometheus about its store."""
    watch = PositionWatch()
    return Exposition(lambda: snapshot(orderwright, service, watch))


@metrics.get("/metrics")
def scrape() -> Response:
    """Every metric, in the text format of Prometheus; of a store that is away only that it is."""
    exposition = cast(Exposition, current_app.extensions[EXPOSITION])
    with waiting().place() as has_place:
        text = exposition.text(TURN_WITHIN_SECONDS if has_place else 0)
    if not text:
        raise Busy
    return Response(text, content_type=CONTENT_TYPE)
