"""What other applications know of streams that a log has lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from system.bootstrap import Orderwright
from system.followers.projection import Projection
from system.operations.positions import parked_events
from system.recovery.dead_letters.lots import Place
from system.recovery.dead_letters.reading import notification_at
from system.steps.streams import STREAM_ID
from system.steps.table import SIDES

SHOWN = 20
PAGE = 500


@dataclass(frozen=True)
class LostOrders:
    """Orders that followers know of and the log does not: the first `SHOWN`, and how many there are."""

    count: int
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class _Memory:
    """A table of a read model that knows of orders which have a stream in a log."""

    read_model: str
    table: str
    condition: str = "TRUE"


_SAGAS = _Memory("SagaLog", "fulfilments")
_MEMORIES: dict[str, tuple[_Memory, ...]] = {
    **{
        side.application: (_Memory("SagaLog", "saga_log", f"step = '{side.step}' AND status = 'COMPLETED'"),)
        for side in SIDES
    },
    "Orders": (_Memory("OrderDashboard", "order_dashboard"), _SAGAS),
    "OrderFulfilment": (_SAGAS,),
    "Payments": (_Memory("PaymentLedger", "payment_ledger"),),
}
"""Who remembers the orders of a log. Of a step the saga log knows where it was done; better is a read model
that knows where it was only asked for as well."""


def lost_orders(orderwright: Orderwright, log: str) -> LostOrders:
    """The orders of which a log has no event, although a read model knows that it had."""
    store = orderwright.applications[log].recorder
    stream_of = STREAM_ID[log]
    lost: set[str] = set()
    for memory in _MEMORIES[log]:
        for page in _known_orders(orderwright, memory):
            streams = {stream_of(UUID(order_id)): order_id for order_id in page}
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
            found.append(str(Place.of(parked.follower, event)))
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
