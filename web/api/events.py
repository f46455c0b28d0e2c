"""Stored events over HTTP."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import AfterValidator

from application.limits import MAX_CORRELATION_ID, MAX_USER
from application.queries import EventQuery
from system.catalogue.report import catalogue
from system.queries.events import find_events, is_costly

from .answers import answer
from .models import Count, PageParameters, Time, text_of
from .requests import orderwright, parameters
from .waiting import waiting

events = Blueprint("events", __name__)

COUNTED_AT_ONCE = 20_000
"""So many more events of each log one request counts; the next one goes on from there."""

CorrelationId = Annotated[str, AfterValidator(text_of(MAX_CORRELATION_ID))]
User = Annotated[str, AfterValidator(text_of(MAX_USER))]


class EventListParameters(PageParameters):
    """Which stored events, which page. Several applications or types have commas between them."""

    application: str | None = None
    type: str | None = None
    correlation_id: CorrelationId | None = None
    user: User | None = None
    since: Time | None = None
    until: Time | None = None
    after: Count | None = None

    @property
    def query(self) -> EventQuery:
        """The events that are asked for."""
        return EventQuery(
            _listed(self.application),
            _listed(self.type),
            self.correlation_id,
            self.user,
            self.since,
            self.until,
            self.after,
        )


@events.get("/events")
def list_events() -> Response:
    """A page of the stored events that match, by application and position."""
    wanted = parameters(EventListParameters)
    if not is_costly(orderwright(), wanted.query):
        return answer(find_events(orderwright(), wanted.query, wanted.page))
    with waiting().turn():
        return answer(find_events(orderwright(), wanted.query, wanted.page))


@events.get("/events/catalogue")
def show_catalogue() -> Response:
    """Every kind of event, who reads it, and how many are stored, as far as they are counted."""
    with waiting().turn():
        return answer(catalogue(orderwright(), COUNTED_AT_ONCE))


def _listed(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(text.split(","))
