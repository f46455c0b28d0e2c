"""The order: the customer's side of a sale."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.errors import Contradiction
from domain.shared.money import Money

from .lines import OrderLine, check_new, priced


class OrderStatus(StrEnum):
    """Where an order stands. CANCELLED is final."""

    CREATED = "CREATED"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


class OrderAlreadyCancelled(Contradiction):
    """A cancelled order cannot be cancelled again."""

    code = "order_already_cancelled"


class OrderCancelled(Contradiction):
    """A cancelled order cannot be confirmed any more."""

    code = "order_cancelled"


class Order(Aggregate):
    """What a customer ordered, at which price, and whether it still stands.

    Invariants: at least one line; a total above zero that equals the sum of the lines;
    CREATED -> CONFIRMED; CREATED or CONFIRMED -> CANCELLED, once, with a reason.
    """

    TOPIC = "Order"

    class Created(Aggregate.Event, AggregateCreated):
        """A customer placed an order. `placed_on` is the shop's own date of a migrated order."""

        TOPIC = "Order.Created"
        class_version = 2
        customer_id: str
        order_ref: str | None
        payment_method: str
        currency: str
        total: Decimal
        items: tuple[OrderLine, ...]
        placed_on: date | None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Version 1 knew one currency, US dollars, and no migrated orders."""
            state["currency"] = "USD"
            state["placed_on"] = None

    class Confirmed(Aggregate.Event):
        """The order is paid and its stock is reserved."""

        TOPIC = "Order.Confirmed"

    class Cancelled(Aggregate.Event):
        """The order does not stand any more; the reason says why."""

        TOPIC = "Order.Cancelled"
        reason: str

    # Decisions

    @classmethod
    def place(
        cls,
        order_id: UUID,
        *,
        customer_id: str,
        currency: str,
        payment_method: str,
        items: tuple[OrderLine, ...],
        order_ref: str | None = None,
        placed_on: date | None = None,
        again: bool = False,
    ) -> Self:
        """Place an order, or raise a `DomainError` that points at what is wrong with it.

        `again` is for one that was placed before, to compare it: perhaps an earlier release took
        what a new order may not have.
        """
        items, total = priced(items, currency)
        if not again:
            check_new(items, currency)
        return cls.begin(
            cls.Created,
            order_id,
            customer_id=customer_id,
            order_ref=order_ref,
            payment_method=payment_method,
            currency=currency,
            total=total.amount,
            items=items,
            placed_on=placed_on,
        )

    def confirm(self) -> None:
        """Confirm the order; again is fine, after cancellation it is not."""
        if self.status is OrderStatus.CANCELLED:
            raise OrderCancelled(f"order {self.id} was cancelled: {self.cancel_reason}")
        if self.status is OrderStatus.CREATED:
            self.trigger_event(self.Confirmed)

    def cancel(self, reason: str) -> None:
        """Cancel the order, once."""
        if self.status is OrderStatus.CANCELLED:
            raise OrderAlreadyCancelled(f"order {self.id} is already cancelled: {self.cancel_reason}")
        self.trigger_event(self.Cancelled, reason=reason)

    # Memory

    @event(Created)
    def __init__(
        self,
        *,
        customer_id: str,
        order_ref: str | None,
        payment_method: str,
        currency: str,
        total: Decimal,
        items: tuple[OrderLine, ...],
        placed_on: date | None,
    ) -> None:
        self.customer_id = customer_id
        self.order_ref = order_ref
        self.payment_method = payment_method
        self.total = Money(total, currency)
        self.items = tuple(items)
        self.placed_on = placed_on
        self.status = OrderStatus.CREATED
        self.confirmed_at: datetime | None = None
        self.cancelled_at: datetime | None = None
        self.cancel_reason: str | None = None
        self.cancelled_by_command: str | None = None

    @event(Confirmed)
    def _confirmed(self) -> None:
        self.status = OrderStatus.CONFIRMED
        self.confirmed_at = self.modified_on

    @event(Cancelled)
    def _cancelled(self, reason: str) -> None:
        self.status = OrderStatus.CANCELLED
        self.cancel_reason = reason
        self.cancelled_at = self.modified_on
        self.cancelled_by_command = self.last_command_id
