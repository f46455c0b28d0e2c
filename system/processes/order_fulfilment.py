"""The saga: hears what happened to an order, its payment and its reservation, and goes on."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import AggregateEvent

from domain.fulfilment import Fulfilment
from domain.inventory import Reservation, StockItem
from domain.orders import Order, OrderReference
from domain.shared.ids import fulfilment_id
from domain.shared.money import Money
from domain.shared.products import per_product
from system.followers.follower import Process, reacts_to
from system.followers.unit_of_work import UnitOfWork
from system.steps.table import SIDES

_NEWS = {kind: tell for side in SIDES for kind, tell in side.news.items()}


class OrderFulfilment(Process):
    """Follows orders, and whoever does the steps. Each policy: find the fulfilment, tell it, collect."""

    name = "OrderFulfilment"
    begins_with = "Orders"
    ignored = frozenset[type[AggregateEvent]]({OrderReference.Claimed}).union(
        *(side.no_news for side in SIDES)
    )

    def of_order(self, order_id: UUID) -> Fulfilment:
        """The fulfilment of an order whose first event was processed before any later news of it."""
        fulfilment = self.find(Fulfilment, fulfilment_id(order_id))
        if fulfilment is None:
            raise LookupError(f"order {order_id} has no fulfilment yet")
        return fulfilment

    def needs(self, event: Any) -> Iterable[UUID]:
        """See `Follower.needs`."""
        if isinstance(event, StockItem.Event):
            return ()
        is_order = isinstance(event, Order.Event)
        return (fulfilment_id(event.originator_id if is_order else event.order_id),)

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Order.Created, work: UnitOfWork) -> None:
        order_id = event.originator_id
        if self.find(Fulfilment, fulfilment_id(order_id)) is None:
            fulfilment = Fulfilment.start(
                order_id,
                payment_method=event.payment_method,
                total=Money(event.total, event.currency),
                lines=per_product((line.sku, line.quantity) for line in event.items),
            )
            work.collect_events(fulfilment)

    @react.register
    def _(self, event: Order.Confirmed, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.originator_id)
        fulfilment.order_confirmed()
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Order.Cancelled, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.originator_id)
        fulfilment.order_cancelled(event.reason)
        work.collect_events(fulfilment)

    @reacts_to(react, _NEWS)
    def hear(self, event: Any, work: UnitOfWork) -> None:
        """The answer of whoever does a step."""
        fulfilment = self.of_order(event.order_id)
        _NEWS[type(event)](fulfilment, event)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Reservation.ReleasedByHand, work: UnitOfWork) -> None:
        """What a person did about an order that mostly has no fulfilment, or one that has ended."""
        if self.find(Fulfilment, fulfilment_id(event.order_id)) is not None:
            self.hear(event, work)
