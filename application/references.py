"""Claims the references of orders that an earlier release placed under a key without claiming them.

Once a store: what is placed since claims by itself. The log of orders is read in pages, and the
claims of a page are recorded together with how far it was read, so it can be stopped at any moment,
goes on where it was, and does no harm when several do it at once. Where two orders carry one
reference already, both are kept, and the reference is the first one's.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
)

from domain.orders import Order, OrderReference
from domain.shared.causes import Cause, because_of
from domain.shared.ids import order_id_from_ref

from .base import MAX_TRIES, PAGE_SIZE
from .orders import Orders

READ_UP_TO = "OrderReferences.read"
ALL_CLAIMED = "OrderReferences.claimed"
"""Positions that Orders keeps of its own log: how far it was read, and that all of it was."""

Progress = Callable[[int, int], object]
"""Told how many events are read, of how many."""


def claim_earlier_references(
    orders: Orders, recorder: ProcessRecorder, progress: Progress = lambda *_: None
) -> int:
    """Claim what is not claimed yet; how many references that were. A later call reads one row.
    `recorder` is that of the orders, which keeps positions as well.

    Raises `PersistenceError` when the store cannot be used, or others keep recording the same.
    """
    if recorder.max_tracking_id(ALL_CLAIMED) is not None:
        return 0
    head = recorder.max_notification_id() or 0
    claimed = 0
    tries: Counter[int] = Counter()
    while (position := recorder.max_tracking_id(READ_UP_TO) or 0) < head:
        page = recorder.select_notifications(
            position, PAGE_SIZE, stop=head, topics=[Order.Created.TOPIC], inclusive_of_start=False
        )
        last = page[-1].id if len(page) == PAGE_SIZE else head
        claims = _claims(orders, page)
        try:
            recorder.insert_events(claims, tracking=Tracking(READ_UP_TO, last))
        except IntegrityError:  # another process reads as well, or somebody just placed such an order
            tries[position] += 1
            if tries[position] > MAX_TRIES:
                raise OperationalError(
                    f"the references of orders after position {position} of Orders cannot be claimed: "
                    "other processes keep claiming them; start this one again"
                ) from None
            continue
        claimed += len(claims)
        progress(last, head)
    with contextlib.suppress(IntegrityError):  # another process was faster
        recorder.insert_tracking(Tracking(ALL_CLAIMED, head))
    return claimed


def _claims(orders: Orders, page: Iterable[Notification]) -> list[StoredEvent]:
    """The claims that the orders of a page are to make, by the first of those that carry the same."""
    unclaimed: dict[UUID, Any] = {}
    for notification in page:
        created = _created(orders, notification)
        if created is not None and created.order_ref is not None:
            stream_id = order_id_from_ref(created.order_ref)
            if stream_id != created.originator_id:
                unclaimed.setdefault(stream_id, created)
    found: list[StoredEvent] = []
    present = orders.present(unclaimed) if unclaimed else set()
    for stream_id, created in unclaimed.items():
        if stream_id not in present:
            with because_of(Cause.event(created)):
                claim = OrderReference.claim(created.order_ref, created.originator_id)
            found += [orders.mapper.to_stored_event(event) for event in claim.collect_events()]
    return found


def _created(orders: Orders, notification: Notification) -> Any:
    """The event, or None when it cannot be read: what is damaged is told by the audit, and one order
    that lost its reference must not keep all others from being served."""
    try:
        return orders.mapper.to_domain_event(notification)
    except Exception:
        return None
