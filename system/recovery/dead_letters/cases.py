"""What waits for a person: a case, whatever its kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.queries import InvalidQuery, check_choice
from application.views import FoundEvent
from domain.shared.errors import Refused
from system.definition import orderwright as definition
from system.followers.parked import CaseNotFound
from system.steps.side import MoneyAndStock


class NotForThisCase(Refused):
    """This cannot be done with a case of this kind; the message says what to do instead."""

    code = "not_for_this_case"


@dataclass(frozen=True)
class Case:
    """Something that waits for a person. Its `kind` is one of those that its source names.

    `where` is the follower that could not process an event, the step that could not be undone, or
    the provider that was called; `what` is the type of the event. An event is pointed to by `leader`,
    `position`, `stream_id` and `stream_version`. `error` is None for an event that was held back and
    has become the first of its sequence; `held_back` counts those that wait behind it, and
    `waits_behind` is the case that it waits behind itself. `waiting` is None when it is about no order.
    """

    case_id: str
    kind: str
    where: str
    what: str
    sequence: str
    error: str | None
    attempts: int
    first_at: datetime
    last_at: datetime
    order_id: str | None = None
    leader: str | None = None
    position: int | None = None
    stream_id: str | None = None
    stream_version: int | None = None
    held_back: int = 0
    waits_behind: str | None = None
    waiting: MoneyAndStock | None = None


@dataclass(frozen=True)
class HeldBack:
    """An event that waits behind the one of the case, in this order."""

    case_id: str
    what: str
    stream_id: str
    stream_version: int
    since: datetime


@dataclass(frozen=True)
class CaseDetails(Case):
    """A case with the event itself, as far as it can be read now, and all that waits behind it."""

    event: FoundEvent | None = None
    held_back_events: tuple[HeldBack, ...] = ()


@dataclass(frozen=True)
class CaseQuery:
    """Which cases: all that is given has to hold. `error` is a part of the error's text, whatever its
    case; `since` (included) and `until` (not included) are about when it was put aside."""

    kind: str | None = None
    follower: str | None = None
    order_id: UUID | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def check(self, kinds: Sequence[str]) -> None:
        """Raise `InvalidQuery` when there are no such cases."""
        if self.kind is not None:
            check_choice(self.kind, kinds, "/kind")
        if self.follower is not None:
            check_choice(self.follower, sorted(definition.followers), "/follower")

    def matches(self, case: Case, sequences_of_order: frozenset[str]) -> bool:
        """Whether a case is meant; an order is meant by any of the sequences that are its."""
        is_of_follower = case.where == self.follower and case.leader is not None
        return (
            self.kind in (None, case.kind)
            and (self.follower is None or is_of_follower)
            and (self.order_id is None or case.sequence in sequences_of_order)
            and (self.error is None or self.error.casefold() in (case.error or "").casefold())
            and (self.since is None or case.first_at >= self.since)
            and (self.until is None or case.first_at < self.until)
        )


def no_such_case(case_id: str) -> CaseNotFound:
    """The error for an id under which nothing waits."""
    return CaseNotFound(f"no case {case_id!r} waits at the desk; perhaps it was dealt with")


def order_in(text: str) -> UUID:
    """The order that a filter names, or `InvalidQuery`."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidQuery(f"order: {text!r} is not the id of an order", field="/order") from None
