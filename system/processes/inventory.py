"""Inventory reserves and releases on behalf of the fulfilment."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod

from application.inventory import Inventory
from domain.fulfilment import Asked, Fulfilment
from domain.fulfilment.categories import FACTS, asking
from domain.shared.ids import reservation_id, stock_item_id
from system.followers.follower import Process
from system.followers.unit_of_work import UnitOfWork


class InventoryProcess(Inventory, Process):
    """Follows the fulfilments."""

    name = "Inventory"
    ignored = FACTS - asking(Asked.INVENTORY)

    def needs(self, event: Any) -> Iterable[UUID]:
        """See `Follower.needs`."""
        yield reservation_id(event.order_id)
        for line in getattr(event, "lines", ()):  # to release says nothing of them: the reservation does
            yield stock_item_id(line.sku)

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Fulfilment.ReservationRequested, work: UnitOfWork) -> None:
        work.collect_events(*self.reserve(event.order_id, event.lines))

    @react.register
    def _(self, event: Fulfilment.ReleaseRequested, work: UnitOfWork) -> None:
        work.collect_events(*self.release(event.order_id))
