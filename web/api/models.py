"""What a request may say: its fields, their types and their lengths. Rules are the domain's."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from application.errors import DomainError
from application.limits import (
    MAX_CORRELATION_ID,
    MAX_CUSTOMER_ID,
    MAX_LINES,
    MAX_ORDER_REF,
    MAX_PAYMENT_METHOD,
    MAX_REASON,
    MAX_USER,
    amount_of,
    check_name,
    check_text,
)
from application.orders import Item, PlaceOrder
from application.queries import DEFAULT_LIMIT, EventQuery, OrderQuery, PageRequest

from .limits import MAX_ERRORS

MAX_EVENT_ID = 64

_COUNT = re.compile(r"[0-9]{1,15}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[-+ ][0-9]{2}:[0-9]{2})"
)


def _refused(error: DomainError) -> PydanticCustomError:
    """The refusal of one value, collected with those of the others."""
    return PydanticCustomError(error.code, error.message)


def text_of(longest: int, rule: Callable[[str, int], str] = check_text) -> Callable[[str], str]:
    """A check of a text, which is refused together with the other faults of the request."""

    def check(value: str) -> str:
        try:
            return rule(value, longest)
        except DomainError as error:
            raise _refused(error) from None

    return check


def _amount(value: object) -> Decimal:
    """Exact: from text, or from a JSON number that was read as a decimal."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", 'an amount is a decimal string such as "12.50", or a number')
    try:
        return amount_of(value)
    except DomainError as error:
        raise _refused(error) from None


def _count(value: object) -> int:
    if isinstance(value, str) and _COUNT.fullmatch(value):
        return int(value)
    raise PydanticCustomError("invalid_query", "this is a whole number")


def _time(value: object) -> datetime:
    """RFC 3339. A plus sign that the query string turned into a blank is understood."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value[:11] + value[11:].replace(" ", "+").upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError(
        "invalid_query", "a time is given as RFC 3339 says, with its offset, such as 2024-05-17T12:00:00Z"
    )


def _not_all_of_too_many(value: object) -> object:
    """One more than an order may have are as wrong as all of them, and sooner looked at."""
    return value[: MAX_LINES + 1] if isinstance(value, list) else value


CustomerId = Annotated[str, AfterValidator(text_of(MAX_CUSTOMER_ID))]
PaymentMethod = Annotated[str, AfterValidator(text_of(MAX_PAYMENT_METHOD, check_name))]
NewCustomerId = Annotated[str, AfterValidator(text_of(MAX_CUSTOMER_ID, check_name))]
NewOrderRef = Annotated[str, AfterValidator(text_of(MAX_ORDER_REF, check_name))]
Reason = Annotated[str, AfterValidator(text_of(MAX_REASON))]
RefundReference = Annotated[str, AfterValidator(text_of(MAX_REASON, check_name))]
CorrelationId = Annotated[str, AfterValidator(text_of(MAX_CORRELATION_ID))]
User = Annotated[str, AfterValidator(text_of(MAX_USER))]
EventId = Annotated[str, AfterValidator(text_of(MAX_EVENT_ID))]
Amount = Annotated[Decimal, PlainValidator(_amount)]
Count = Annotated[int, PlainValidator(_count)]
Time = Annotated[datetime, PlainValidator(_time)]


class Model(BaseModel):
    """Knows its fields and no others, and converts nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_most_unknown(cls, value: Any) -> Any:
        """Of very many unknown fields as many are left as an answer can list."""
        if not isinstance(value, dict) or len(value) <= len(cls.model_fields) + MAX_ERRORS:
            return value
        unknown = [name for name in value if name not in cls.model_fields]
        return {
            name: value[name]
            for name in (*unknown[:MAX_ERRORS], *(n for n in cls.model_fields if n in value))
        }


class ItemBody(Model):
    """A line of a new order."""

    sku: str
    quantity: int
    unit_price: Amount


class OrderBody(Model):
    """A new order."""

    customer_id: NewCustomerId
    currency: str
    payment_method: PaymentMethod
    items: Annotated[list[ItemBody], BeforeValidator(_not_all_of_too_many)]
    order_ref: NewOrderRef | None = None

    def command(self, idempotency_key: str | None) -> PlaceOrder:
        """The command that this asks for."""
        items = [Item(item.sku, item.quantity, item.unit_price) for item in self.items]
        return PlaceOrder(
            self.customer_id, self.currency, self.payment_method, items, self.order_ref, idempotency_key
        )


class CancellationBody(Model):
    """Why an order is cancelled."""

    reason: Reason


class ReceiptBody(Model):
    """Goods that came in."""

    quantity: int


class CorrectionBody(Model):
    """What an earlier receipt should have said, and why it did not."""

    event_id: EventId
    quantity: int
    reason: Reason


class InterventionBody(Model):
    """Why a person intervenes in a fulfilment."""

    reason: Reason


class ResumeBody(InterventionBody):
    """From which step it is to go on, and why."""

    step: Reason


class ForceFailBody(InterventionBody):
    """Why a fulfilment is to end as failed; and where a refund that was made by hand is written down."""

    refund_reference: RefundReference | None = None


class NoParameters(Model):
    """The query string of what has no parameters."""


class MomentParameters(Model):
    """Which past state of an order is asked for, if any."""

    version: Count | None = None
    as_of: Time | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if self.version is not None and self.as_of is not None:
            raise PydanticCustomError("invalid_query", "version and as_of exclude each other")
        return self


class PageParameters(Model):
    """Which page of a list."""

    limit: Count = DEFAULT_LIMIT
    cursor: str | None = None

    @property
    def page(self) -> PageRequest:
        """The page that is asked for."""
        return PageRequest(self.limit, self.cursor)


class StockListParameters(PageParameters):
    """Which products, which page. The one with this SKU, where its address would be taken for another's."""

    sku: str | None = None


class HolderListParameters(PageParameters):
    """The holders of which product, which page."""

    sku: str


class OrderListParameters(PageParameters):
    """Which orders, in which order, which page."""

    status: str | None = None
    customer_id: CustomerId | None = None
    created_from: Time | None = None
    created_to: Time | None = None
    sort: str = OrderQuery.sort

    @property
    def query(self) -> OrderQuery:
        """The orders that are asked for."""
        return OrderQuery(self.status, self.customer_id, self.created_from, self.created_to, self.sort)


class FulfilmentListParameters(PageParameters):
    """Which fulfilments, which page."""

    status: str | None = None


class AuditParameters(Model):
    """What is audited: one order, or everything."""

    order_id: str | None = None


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


class FiguresParameters(Model):
    """Of which sagas the figures are: of those started since then, else of all."""

    since: Time | None = None


def _listed(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(text.split(","))
