"""How far followers are behind: the events that they have still to handle, counted in the store.

What a follower ignores it has not to handle, and a position that no event has does not count either. This
is the one place where that is counted; everybody who tells it asks here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.shared.aggregates import EVENT_TYPES
from system.bootstrap import Orderwright
from system.followers.follower import Follower
from system.operations.positions import Position, positions
from system.persistence.counting import ALL, Part
from system.persistence.postgres.answers import Pace, at_pace
from system.persistence.search import facts_of

COUNTED_AT_MOST = 100_000
"""So many events where somebody asks again and again, or waits: to count millions takes seconds."""


@dataclass(frozen=True)
class Lag:
    """How far a follower is behind in the log of a leader.

    `oldest_at` is when the first of the events that it has still to handle was recorded, and
    `oldest_age_seconds` how long ago that is by the clock of who asks, never below zero. Both are None when
    there is none, or when that event cannot be read.
    """

    follower: str
    leader: str
    position: int
    head: int
    events_to_handle: int
    oldest_at: datetime | None
    oldest_age_seconds: float | None


@at_pace(Pace.SLOW)
def lags(orderwright: Orderwright, most: int = ALL) -> tuple[Lag, ...]:
    """How far every follower is behind in every log it follows, each counted up to `most` events."""
    return tuple(_lag(orderwright, one, most) for one in positions(orderwright))


@at_pace(Pace.SLOW)
def came_in(orderwright: Orderwright, follower: str, leader: str, after: int, last: int) -> int:
    """How many of the events between two positions (the first not included) a follower has to handle."""
    part = Part(after, _ignored_by(orderwright.applications[follower]), last)
    return orderwright.applications[leader].recorder.count_log(part).events


def events_to_handle(of: Iterable[Lag]) -> int:
    """How many there are in all."""
    return sum(one.events_to_handle for one in of)


def _lag(orderwright: Orderwright, where: Position, most: int) -> Lag:
    leader = orderwright.applications[where.leader]
    ignored = _ignored_by(orderwright.applications[where.follower])
    found = leader.recorder.count_log(Part(where.position, ignored, most=most))
    at = _recorded_at(leader, found.first) if found.first is not None else None
    return Lag(
        where.follower,
        where.leader,
        where.position,
        where.head,
        found.events,
        at,
        max((orderwright.clock() - at).total_seconds(), 0.0) if at is not None else None,
    )


def _ignored_by(follower: Follower) -> frozenset[str]:
    """The topics that a follower has nothing to do with. One that nobody here knows is none of them."""
    return frozenset(topic for topic in EVENT_TYPES if not follower.concerns(topic))


def _recorded_at(leader: Follower, position: int) -> datetime | None:
    for event in leader.recorder.select_notifications(start=position, limit=1, stop=position):
        return facts_of(event, leader.mapper).recorded_at
    return None
