"""The read models and their versions over HTTP."""

from flask import Blueprint, Response

from system.operations.read_models import read_model, read_models
from system.recovery.read_models.parity import comparison_report

from .answers import answer
from .models import Count, Model, NoParameters
from .requests import orderwright, parameters
from .waiting import waiting

projections = Blueprint("projections", __name__)


class ComparisonParameters(Model):
    """Which version; else the newest one."""

    version: Count | None = None


@projections.get("/operations/projections")
def list_projections() -> Response:
    """Every read model with its versions."""
    parameters(NoParameters)
    with waiting().turn():
        return answer(read_models(orderwright()))


@projections.get("/operations/projections/<name>")
def show_projection(name: str) -> Response:
    """One read model with its versions."""
    parameters(NoParameters)
    with waiting().turn():
        return answer(read_model(orderwright(), name))


@projections.get("/operations/projections/<name>/comparison")
def show_comparison(name: str) -> Response:
    """How a version compared with the one in use the last time that somebody compared them."""
    return answer(comparison_report(orderwright(), name, parameters(ComparisonParameters).version))
