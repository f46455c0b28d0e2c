"""What a request to the dead-letter desk may say."""

from typing import Annotated

from pydantic import AfterValidator

from application.limits import MAX_REASON
from application.queries import MAX_LIMIT, PageRequest
from system.recovery.dead_letters.cases import CaseQuery, order_in

from .models import Model, PageParameters, Reason, Time, text_of

MAX_ERROR_PART = MAX_REASON

ErrorPart = Annotated[str, AfterValidator(text_of(MAX_ERROR_PART))]


class CaseFilters(Model):
    """Which cases."""

    kind: str | None = None
    follower: str | None = None
    order: str | None = None
    error: ErrorPart | None = None
    since: Time | None = None
    until: Time | None = None

    @property
    def query(self) -> CaseQuery:
        """The cases that are meant. Raises `InvalidQuery`."""
        order_id = None if self.order is None else order_in(self.order)
        return CaseQuery(self.kind, self.follower, order_id, self.error, self.since, self.until)


class CaseListParameters(CaseFilters, PageParameters):
    """Which cases, which page."""


class RetryBody(Model):
    """How one case is retried, and why."""

    reason: Reason | None = None
    sequence: bool = False
    dry_run: bool = False


class RetryAllBody(Model):
    """Which cases are retried, and why; or with `preview` how many those would be."""

    filters: CaseFilters
    reason: Reason | None = None
    preview: bool = False
    limit: int = MAX_LIMIT
    cursor: str | None = None

    @property
    def page(self) -> PageRequest:
        """How many of them, and from where on."""
        return PageRequest(self.limit, self.cursor)


class DiscardBody(Model):
    """Why an event is given up."""

    reason: Reason
