"""Orders confirms and cancels on behalf of the fulfilment."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod

from application.orders import Orders
from domain.fulfilment import Asked, Fulfilment
from domain.fulfilment.categories import FACTS, asking
from domain.orders import Order, OrderStatus
from system.followers.follower import Process
from system.followers.unit_of_work import UnitOfWork


class OrdersProcess(Orders, Process):
    """Follows the fulfilments."""

    name = "Orders"
    ignored = FACTS - asking(Asked.ORDERS)

    def needs(self, event: Any) -> Iterable[UUID]:
        """See `Follower.needs`."""
        return (event.order_id,)

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Fulfilment.ConfirmationRequested, work: UnitOfWork) -> None:
        order = self.find(Order, event.order_id)
        # The customer may have cancelled meanwhile; the fulfilment hears of that by itself.
        if order is not None and order.status is not OrderStatus.CANCELLED:
            order.confirm()
            work.collect_events(order)

    @react.register
    def _(self, event: Fulfilment.CancellationRequested, work: UnitOfWork) -> None:
        order = self.find(Order, event.order_id)
        if order is not None and order.status is not OrderStatus.CANCELLED:
            order.cancel(event.reason)
            work.collect_events(order)
