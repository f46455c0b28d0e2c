"""Who records an event, and who reads it: told by the definition of the system."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from application.orders import Orders
from domain.fulfilment import Fulfilment
from domain.orders import Order, OrderReference
from domain.shared.aggregates import Aggregate
from system.audit import meanings
from system.definition import class_of
from system.definition import orderwright as definition
from system.followers.follower import handled_events
from system.followers.parking import ParkingLot
from system.queries.explain import TOLD, UNTOLD
from system.steps.streams import FULFILMENTS
from system.steps.table import SIDES

OWNERS: Mapping[str, tuple[type[Aggregate], ...]] = {
    Orders.name: (Order, OrderReference),
    FULFILMENTS: (Fulfilment,),
    **{side.application: side.aggregates for side in SIDES},
}
"""The aggregates of each application. Beside them every follower may have a parking lot."""

HANDLES = "handles"
IGNORES = "passes over"
NEVER_READS = "never reads"


@dataclass(frozen=True)
class Consumers:
    """Who reads a kind of event: followers that do something about it, those that pass over it, and what
    the audit and the story of an order do with it (handles, passes over, or never reads)."""

    handled_by: tuple[str, ...]
    ignored_by: tuple[str, ...]
    audit: str
    explain: str


def recorded_by(topic: str) -> tuple[str, ...]:
    """The applications that record a kind of event."""
    if topic in ParkingLot.EVENTS:
        return tuple(definition.followers)
    return tuple(
        name for name, kinds in OWNERS.items() if any(topic in aggregate.EVENTS for aggregate in kinds)
    )


def consumers_of(topic: str) -> Consumers:
    """Who reads a kind of event, as far as they follow who records it."""
    followers = tuple(_followers_of(*recorded_by(topic)))
    handled = tuple(
        name for name in followers if topic in {kind.TOPIC for kind in handled_events(class_of(name))}
    )
    ignored = tuple(name for name in followers if name not in handled)
    return Consumers(handled, ignored, _audit(topic), _story(topic))


def _followers_of(*leaders: str) -> Iterator[str]:
    for name in definition.followers:
        if any(leader in definition.follows[name] for leader in leaders):
            yield name


def _audit(topic: str) -> str:
    if topic in meanings.IRRELEVANT:
        return IGNORES
    tables = (meanings.ORDER, meanings.SAGA, meanings.PAYMENT, meanings.SHELF, meanings.RESERVATION)
    return HANDLES if any(topic in table for table in tables) else NEVER_READS


def _story(topic: str) -> str:
    if topic in TOLD:
        return HANDLES
    return IGNORES if topic in UNTOLD else NEVER_READS
