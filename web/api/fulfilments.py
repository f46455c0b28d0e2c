"""Fulfilments over HTTP."""

from flask import Blueprint, Response

from .answers import answer
from .models import PageParameters
from .requests import orderwright, parameters, seen

fulfilments = Blueprint("fulfilments", __name__)


class FulfilmentListParameters(PageParameters):
    """Which fulfilments, which page."""

    status: str | None = None


@fulfilments.get("/fulfilments")
def list_fulfilments() -> Response:
    """A page of the sagas with a status, the latest change first, from the saga log."""
    wanted = parameters(FulfilmentListParameters)
    return answer(seen(orderwright().saga_log).list_fulfilments(wanted.status, wanted.page))
