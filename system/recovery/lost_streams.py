"""What others remember of a log that does not have it any more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from domain.shared.ids import fulfilment_id, payment_id, reservation_id
from system.bootstrap import Orderwright
from system.followers.projection import Projection
from system.operations.positions import parked_events
from system.recovery.dead_letters.reading import notification_at

SHOWN = 20
PAGE = 500


@dataclass(frozen=True)
class LostOrders:
    """Orders that followers know of and the log does not: the first `SHOWN`, and how many there are."""

    count: int
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class _Memory:
    """A table of a read model that knows orders, and the stream that each of them has in a log."""

    read_model: str
    table: str
    stream_of: Callable[[UUID], UUID]
    condition: str = "TRUE"


_RESERVED = "step = 'ReserveInventory' AND status = 'COMPLETED'"

_MEMORIES: dict[str, tuple[_Memory, ...]] = {
    "Orders": (
        _Memory("OrderDashboard", "order_dashboard", lambda order_id: order_id),
        _Memory("SagaLog", "fulfilments", lambda order_id: order_id),
    ),
    "OrderFulfilment": (_Memory("SagaLog", "fulfilments", fulfilment_id),),
    "Payments": (_Memory("PaymentLedger", "payment_ledger", payment_id),),
    "Inventory": (_Memory("SagaLog", "saga_log", reservation_id, _RESERVED),),
}


def lost_orders(orderwright: Orderwright, log: str) -> LostOrders:
    """The orders of which a log has no event, although a read model knows that it had."""
    store = orderwright.applications[log].recorder
    lost: set[str] = set()
    for memory in _MEMORIES[log]:
        for page in _known_orders(orderwright, memory):
            streams = {memory.stream_of(UUID(order_id)): order_id for order_id in page}
            for stream_id in set(streams) - store.present_streams(list(streams)):
                lost.add(streams[stream_id])
    return LostOrders(len(lost), tuple(sorted(lost)[:SHOWN]))


def lost_cases(orderwright: Orderwright, log: str) -> tuple[str, ...]:
    """The parked events that a log does not have any more, as the dead-letter desk names them."""
    found = []
    for parked in parked_events(orderwright):
        event = parked.event
        if event.leader != log:
            continue
        at = notification_at(orderwright, log, event.position)
        place = (event.stream_id, event.stream_version)
        if at is None or (at.originator_id, at.originator_version) != place:
            found.append(f"{parked.follower}:{log}:{event.position}")
    return tuple(found)


def _known_orders(orderwright: Orderwright, memory: _Memory) -> Iterator[list[str]]:
    read_model = cast(Projection, orderwright.applications[memory.read_model])
    after = ""
    while True:
        rows = read_model.rows(
            f"SELECT DISTINCT order_id FROM @{memory.table} WHERE {memory.condition} "
            "AND order_id > :after ORDER BY order_id LIMIT :limit",
            after=after,
            limit=PAGE,
        )
        if not rows:
            return
        yield [row["order_id"] for row in rows]
        after = rows[-1]["order_id"]
