"""A fulfilment as it is now, from its own events."""

from typing import Any
from uuid import UUID

from application.unreadable import UnreadableEvent
from application.views import Damage, FulfilmentView, StepView, damage_of
from domain.fulfilment.events import FulfilmentEvent
from domain.shared.ids import fulfilment_id
from system.bootstrap import Orderwright
from system.projections.saga_log.entries import log_entry, status_after


def fulfilment_of(orderwright: Orderwright, order_id: UUID) -> FulfilmentView:
    """The saga of an order and its log. Raises `OrderNotFound`; the status is None until it began.

    Events that cannot be read are named in `damage`; the rest is what the others say.
    """
    orderwright.orders.check_placed(order_id)
    application = orderwright.fulfilments
    status: str | None = None
    steps: list[StepView] = []
    damage: list[Damage] = []
    before = 0
    for notification in application.recorder.select_stream(fulfilment_id(order_id)):
        try:
            if notification.originator_version != before + 1:
                raise UnreadableEvent.after_a_gap(notification, before, application.name)
            event: Any = application.mapper.to_domain_event(notification)
            if not isinstance(event, FulfilmentEvent):
                raise UnreadableEvent.of(notification, "is no fact of a fulfilment", application.name)
            status = status_after(status, event)
            entry = log_entry(event)
        except UnreadableEvent as error:
            damage.append(damage_of(error))
        else:
            steps += [] if entry is None else [entry]
        before = notification.originator_version
    return FulfilmentView(str(order_id), status, tuple(steps), tuple(damage))
