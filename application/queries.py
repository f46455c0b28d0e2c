"""What can be asked of the read models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.shared.errors import DomainError, NotFound

from .views import OrderView

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
ORDER_SORTS = ("created_at", "total", "customer_id", "status")


class InvalidQuery(DomainError):
    """A query parameter cannot be understood."""

    code = "invalid_query"


class StreamNotFound(NotFound):
    """There is no stream of events with this id."""

    code = "stream_not_found"


class PaymentNotFound(NotFound):
    """The order has no payment, or none yet."""

    code = "payment_not_found"


@dataclass(frozen=True)
class PageRequest:
    """How much of a list: `limit` items (1 to 500) after the cursor of the page before."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


@dataclass(frozen=True)
class OrderQuery:
    """Which orders, sorted how. `sort` is one of `ORDER_SORTS`, with ``-`` before it in descending order.

    Orders created from `created_from` (included) to `created_to` (not included).
    """

    status: str | None = None
    customer_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    sort: str = "-created_at"


@dataclass(frozen=True)
class EventQuery:
    """Which events: those of these applications and types (of all, when none is named), of this
    conversation, by this user, recorded from `since` (included) to `until` (not included), and at a
    position after `after`, which takes exactly one application: positions are each log's own."""

    applications: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    correlation_id: str | None = None
    user: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None


@dataclass(frozen=True)
class OrderRow(OrderView):
    """An order as the dashboard lists it, with where its fulfilment and payment stand.

    `error` says what of its row cannot be read, and is then left out.
    """

    fulfilment_status: str | None
    payment_status: str | None
    error: str | None = None


@dataclass(frozen=True)
class FulfilmentRow:
    """A saga as it is listed. The reason is why it is or was compensated; `error` says what of its row
    cannot be read, and is then left out."""

    order_id: str
    status: str
    reason: str | None
    started_at: datetime
    updated_at: datetime
    error: str | None = None


def check_choice(value: str, choices: Sequence[str], field: str) -> str:
    """Return the value when it is one of the choices, else raise `InvalidQuery`."""
    if value not in choices:
        raise InvalidQuery(f"{value!r} is not one of {', '.join(choices)}", field=field)
    return value
