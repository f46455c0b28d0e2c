"""Streams as people name them: by their id, or by the order, the reference or the product in hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from application.inventory import Inventory
from application.orders import Orders
from application.queries import InvalidQuery, StreamNotFound
from domain.fulfilment import Fulfilment
from domain.inventory import Supply
from domain.inventory.supply import supply_id
from domain.orders import Order
from domain.shared.ids import order_id_from_ref, stock_item_id
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.parking import parking_lot_id
from system.steps.streams import FULFILMENTS, STREAM_ID
from system.steps.table import SIDES


@dataclass(frozen=True)
class StreamPlace:
    """A stream, and the application that has it. `latest` is its last version."""

    application: str
    stream_id: UUID
    latest: int


Name = Callable[[Orderwright, str], tuple[str, UUID]]


def _of_order(application: str) -> Name:
    """The one stream of an order in an application; the order is named by its id or its reference."""

    def name(orderwright: Orderwright, text: str) -> tuple[str, UUID]:
        return application, STREAM_ID[application](_order_id(orderwright, text))

    return name


def _order_id(orderwright: Orderwright, text: str) -> UUID:
    return _uuid(text) or orderwright.orders.order_id_of(text)


def _parking(_: Orderwright, text: str) -> tuple[str, UUID]:
    if text not in definition.followers:
        raise StreamNotFound(f"there is no follower {text!r}; they are {', '.join(definition.followers)}")
    return text, parking_lot_id(text)


KINDS: Mapping[str, Name] = {
    Order.TOPIC.lower(): _of_order(Orders.name),
    Fulfilment.TOPIC.lower(): _of_order(FULFILMENTS),
    **{side.aggregates[0].TOPIC.lower(): _of_order(side.application) for side in SIDES},
    "stock": lambda _, sku: (Inventory.name, stock_item_id(sku)),
    Supply.TOPIC.lower(): lambda _, order_ref: (Inventory.name, supply_id(order_ref)),
    "reference": lambda _, order_ref: (Orders.name, order_id_from_ref(order_ref)),
    "parking": _parking,
}
"""What can stand before a colon, and which stream is meant by what stands behind it."""

_WITHOUT_KIND = (Order.TOPIC.lower(), "stock")
"""What a text may mean that is no id and has no kind before it."""


def stream_named(orderwright: Orderwright, text: str) -> StreamPlace:
    """The stream that somebody means by ``payment:ORDER_ID``, ``stock:SKU``, the id of a stream, an order's
    reference or a SKU. Raises `StreamNotFound`, and `InvalidQuery` when it can mean two.
    """
    if not text.isprintable():
        raise StreamNotFound(f"{text!r} is no name of a stream")
    kind, colon, rest = text.partition(":")
    if colon and kind in KINDS:
        return _there(orderwright, *KINDS[kind](orderwright, rest), text)
    stream_id = _uuid(text)
    if stream_id is not None:
        names = sorted(orderwright.applications)
        found = [place for name in names if (place := _place(orderwright, name, stream_id))]
        meant = {place.application: place for place in found}
        wanted = "the stream of an application"
    else:
        meant = {
            f"{kind}:{text}": place
            for kind in _WITHOUT_KIND
            if (place := _place(orderwright, *KINDS[kind](orderwright, text)))
        }
        wanted = "an order's reference or a SKU"
    if not meant:
        kinds = ", ".join(f"{kind}:..." for kind in KINDS)
        raise StreamNotFound(f"{text!r} is not {wanted}; it can also be named as one of {kinds}")
    if len(meant) > 1:
        raise InvalidQuery(f"{text!r} can mean {' and '.join(meant)}: say which", field="/stream")
    return next(iter(meant.values()))


def _there(orderwright: Orderwright, application: str, stream_id: UUID, text: str) -> StreamPlace:
    place = _place(orderwright, application, stream_id)
    if place is None:
        raise StreamNotFound(f"there is no stream {text} in {application} (its id would be {stream_id})")
    return place


def _place(orderwright: Orderwright, application: str, stream_id: UUID) -> StreamPlace | None:
    recorder = orderwright.applications[application].recorder
    last = list(recorder.select_events(stream_id, desc=True, limit=1))
    return StreamPlace(application, stream_id, last[0].originator_version) if last else None


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
