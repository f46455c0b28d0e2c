"""The snapshots over HTTP."""

from flask import Blueprint, Response

from system.operations.snapshots import snapshot_report

from .answers import answer
from .models import NoParameters
from .requests import orderwright, parameters
from .waiting import waiting

snapshots = Blueprint("snapshots", __name__)


@snapshots.get("/operations/snapshots")
def show_snapshots() -> Response:
    """How many snapshots there are, how often they were of use, and which aggregates take long to replay."""
    parameters(NoParameters)
    with waiting().turn():
        return answer(snapshot_report(orderwright()))
