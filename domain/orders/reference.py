"""The shop's own reference of an order that came under an idempotency key."""

from typing import Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated

from domain.shared.aggregates import Aggregate
from domain.shared.ids import order_id_from_ref


class OrderReference(Aggregate):
    """Which order a reference belongs to, where the order's own id does not say it.

    An order without a key has its reference's stream; one with a key has another, and claims this
    one beside it. A stream begins once, so a reference has one order, whatever way it came.
    Invariant: claimed once, for good.
    """

    TOPIC = "OrderReference"

    class Claimed(Aggregate.Event, AggregateCreated):
        """An order that came under a key carries this reference."""

        TOPIC = "OrderReference.Claimed"
        order_ref: str
        order_id: UUID

    # Decisions

    @classmethod
    def claim(cls, order_ref: str, order_id: UUID) -> Self:
        """Claim a reference for an order."""
        return cls.begin(cls.Claimed, order_id_from_ref(order_ref), order_ref=order_ref, order_id=order_id)

    # Memory

    def __init__(self, *, order_ref: str, order_id: UUID) -> None:
        self.order_ref = order_ref
        self.order_id = order_id
