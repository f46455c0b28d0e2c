"""Where the events of an order are: its one stream in each application."""

from collections.abc import Callable, Mapping
from uuid import UUID

from application.orders import Orders
from domain.shared.ids import fulfilment_id

from .table import SIDES

FULFILMENTS = "OrderFulfilment"
"""The application that keeps the sagas."""


def _itself(order_id: UUID) -> UUID:
    return order_id


STREAM_ID: Mapping[str, Callable[[UUID], UUID]] = {
    Orders.name: _itself,
    FULFILMENTS: fulfilment_id,
    **{side.application: side.stream_id for side in SIDES},
}
"""How the stream of an order is found in each application. An order comes first, then its fulfilment, then
what that asks for."""


def streams_of(order_id: UUID) -> dict[str, UUID]:
    """The stream of an order in each application that may have one."""
    return {application: stream_id(order_id) for application, stream_id in STREAM_ID.items()}


def sequences_of(order_id: UUID) -> tuple[str, ...]:
    """What events of an order wait under in a parking lot: the order, or, where they could not even be
    read, their stream."""
    return tuple(str(stream_id) for stream_id in streams_of(order_id).values())
