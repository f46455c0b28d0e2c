"""The figures of the sagas over HTTP."""

from flask import Blueprint, Response

from system.operations.figures import saga_figures

from .answers import answer
from .models import Model, Time
from .requests import orderwright, parameters
from .waiting import waiting

figures = Blueprint("figures", __name__)


class FiguresParameters(Model):
    """Of which sagas the figures are: of those started since then, else of all."""

    since: Time | None = None


@figures.get("/operations/figures")
def show_figures() -> Response:
    """How many sagas succeed, how many fail and why, and how long they take."""
    since = parameters(FiguresParameters).since
    with waiting().turn():
        return answer(saga_figures(orderwright(), since))
