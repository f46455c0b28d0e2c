"""Stored events over HTTP."""

from flask import Blueprint, Response

from system.queries.events import find_events, is_costly

from .answers import answer
from .models import EventListParameters
from .requests import orderwright, parameters
from .waiting import waiting

events = Blueprint("events", __name__)


@events.get("/events")
def list_events() -> Response:
    """A page of the stored events that match, by application and position."""
    wanted = parameters(EventListParameters)
    if not is_costly(orderwright(), wanted.query):
        return answer(find_events(orderwright(), wanted.query, wanted.page))
    with waiting().turn():
        return answer(find_events(orderwright(), wanted.query, wanted.page))
