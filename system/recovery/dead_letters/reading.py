"""Reads a parked event anew from its leader's log: what was stored may be read better by now."""

from typing import Any

from eventsourcing.persistence import Notification

from system.bootstrap import Orderwright
from system.followers.parked import Pointer


class EventGone(LookupError):
    """The log holds another event where a parked one was, or none."""


def notification_at(orderwright: Orderwright, leader: str, position: int) -> Notification | None:
    """The row at a position of a log, undecoded; None when there is none."""
    store = orderwright.applications[leader].recorder
    found = [row for row in store.select_log(position - 1, 1) if row[-1] == position]
    return Notification(*found[0]) if found else None


def decoded(orderwright: Orderwright, event: Pointer) -> Any:
    """The event itself. Raises what decoding it raises, and `EventGone`."""
    notification = notification_at(orderwright, event.leader, event.position)
    if notification is None or (notification.originator_id, notification.originator_version) != (
        event.stream_id,
        event.stream_version,
    ):
        raise EventGone(f"{event.topic} is not at position {event.position} of {event.leader} any more")
    return orderwright.applications[event.leader].mapper.to_domain_event(notification)
