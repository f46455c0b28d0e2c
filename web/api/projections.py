"""The read models and their versions over HTTP."""

from flask import Blueprint, Response

from system.operations.read_models import read_model, read_models

from .answers import answer
from .models import NoParameters
from .requests import orderwright, parameters
from .waiting import waiting

projections = Blueprint("projections", __name__)


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
