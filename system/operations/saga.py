"""A fulfilment as it is now, from its own events."""

from uuid import UUID

from application.views import FulfilmentView, StepView
from domain.shared.ids import fulfilment_id
from system.bootstrap import Orderwright
from system.projections.saga_facts import log_entry, status_after


def fulfilment_of(orderwright: Orderwright, order_id: UUID) -> FulfilmentView:
    """The saga of an order and its log. Raises `OrderNotFound`; the status is None until it began."""
    orderwright.orders.order(order_id)
    status: str | None = None
    steps: list[StepView] = []
    for event in orderwright.fulfilments.events.get(fulfilment_id(order_id)):
        status = status_after(status, event)
        entry = log_entry(event)
        if entry is not None:
            steps.append(entry)
    return FulfilmentView(str(order_id), status, tuple(steps))
