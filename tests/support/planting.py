"""What should never be in a store, appended past everything that would refuse it."""

from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError, StoredEvent, Tracking

from domain.shared.causes import Cause, because_of
from domain.shared.products import ProductQuantity
from system.bootstrap import Orderwright
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import ByHand

NOBODY = UUID("00000000-0000-5000-8000-000000000001")
"""The id of an order that was never placed."""


def vandal(conversation: UUID | None = None) -> Any:
    """The cause of what follows: somebody who goes past every rule, perhaps in the name of an order."""
    return because_of(
        Cause.command(
            time=FRIDAY_NOON,
            correlation_id=conversation or uuid4(),
            command_id=str(uuid4()),
            user="vandal",
        )
    )


def plant_reservation(orderwright: Orderwright, order_id: UUID, sku: str, quantity: int) -> None:
    """Have stock held for an order that did not ask for it."""
    with vandal(order_id):
        changed = orderwright.inventory.reserve(order_id, [ProductQuantity(sku, quantity)])
    orderwright.inventory.save(*changed)


def plant(application: Any, aggregate: Any, event_class: type[Any], **facts: Any) -> None:
    """Append an event to an aggregate that would never have recorded it."""
    with vandal():
        aggregate.trigger_event(event_class, **facts)
    application.save(aggregate)


def plant_stored(application: Any, stream_id: UUID, version: int, topic: str, state: bytes) -> None:
    """Append a row."""
    application.recorder.insert_events([StoredEvent(stream_id, version, topic, state)])


def pass_over(orderwright: Orderwright) -> None:
    """Move the position of every follower to the end of each log, as if it had read everything."""
    for leader in ("Orders", "OrderFulfilment", "Payments", "Inventory"):
        head = orderwright.applications[leader].recorder.max_notification_id() or 0
        for name in ("Orders", "OrderFulfilment", "Payments", "Inventory"):
            try:
                recorder: Any = orderwright.applications[name].recorder
                recorder.insert_tracking(Tracking(leader, head))
            except IntegrityError:
                continue  # it is there already


def let_it_be_heard(shop: Shop) -> None:
    """Let every follower read everything, and say so."""
    shop.settle()
    assert isinstance(shop.way, ByHand)
    for loop in shop.way.runner.loops.values():
        for subscription in loop.subscriptions:
            subscription.carry_forward()
