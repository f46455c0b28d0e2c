"""Stored events over HTTP."""

from flask import Blueprint, Response

from system.operations.events import find_events

from .answers import answer
from .models import EventListParameters
from .requests import orderwright, parameters

events = Blueprint("events", __name__)


@events.get("/events")
def list_events() -> Response:
    """A page of the stored events that match, by application and position."""
    wanted = parameters(EventListParameters)
    return answer(find_events(orderwright(), wanted.query, wanted.page))
