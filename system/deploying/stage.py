"""Where decisions are made once more: the saga's own policy, in an application that has no store.

It is the real one, in memory and empty. What it needs it is given, and what it records stays in hand, so that
nothing that is replayed can reach the store.
"""

from typing import Any, NamedTuple

from domain.fulfilment import Fulfilment
from domain.shared.causes import Cause
from domain.shared.ids import fulfilment_id
from system.definition import OrderFulfilment
from system.followers.follower import handled_events
from system.followers.identity_map import IdentityMap
from system.followers.unit_of_work import UnitOfWork
from system.persistence.opening import open_application

HEARS = handled_events(OrderFulfilment)
"""The kinds of events that a saga is told."""


class Decision(NamedTuple):
    """What would be recorded, and the saga after it."""

    events: tuple[Any, ...]
    saga: Fulfilment | None


class Stage:
    """The policy of the saga as the code at hand has it. Belongs to one thread."""

    def __init__(self) -> None:
        in_memory = {"PERSISTENCE_MODULE": "eventsourcing.popo"}
        self._process = open_application(OrderFulfilment, in_memory)

    def hear(self, saga: Fulfilment | None, news: Any) -> Decision:
        """What a saga decides about news; the saga is changed. Raises whatever the policy raises."""
        order_id = getattr(news, "order_id", news.originator_id)
        identity_map = IdentityMap(self._process.repository)
        work = UnitOfWork(identity_map=identity_map)
        with identity_map.page():
            if saga is not None:
                identity_map.add(saga)
            self._process.handle(news, work)
            after = self._process.find(Fulfilment, fulfilment_id(order_id))
        return Decision(tuple(work.events), after)


def cause_of(event: Any) -> Cause:
    """The cause that an event was recorded under, as far as it says."""
    return Cause(event.timestamp, event.correlation_id, event.causation_id, event.command_id, event.user)
