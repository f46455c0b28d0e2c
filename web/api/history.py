"""Any aggregate as it was, over HTTP. A stream may be named by a SKU, which may hold slashes."""

from flask import Blueprint, Response
from pydantic import Field

from system.queries.history import history_diff, past_state

from .answers import answer
from .models import Model, MomentParameters, VersionOrMoment
from .requests import orderwright, parameters
from .waiting import waiting

history = Blueprint("history", __name__)


class DiffParameters(Model):
    """From where to where."""

    since: VersionOrMoment = Field(alias="from")
    until: VersionOrMoment = Field(alias="to")


@history.get("/history/<path:stream>/diff")
def show_diff(stream: str) -> Response:
    """What changed in a stream's aggregate, field by field, and the events between."""
    wanted = parameters(DiffParameters)
    with waiting().turn():
        return answer(history_diff(orderwright(), stream, wanted.since, wanted.until))


@history.get("/history/<path:stream>")
def show_state(stream: str) -> Response:
    """A stream's aggregate: now, at a version, or as of a moment."""
    wanted = parameters(MomentParameters)
    with waiting().turn():
        return answer(past_state(orderwright(), stream, wanted.point))
