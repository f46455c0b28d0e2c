"""Do the clocks of those who record agree with the clock of this process?

Nothing is decided by a time of day that another machine told. But what is shown is told in such times,
and a machine whose clock is wrong is wrong in other things as well.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.persistence.postgres.library_recorder import PostgresRecorder
from system.persistence.search import facts_of

LOOKED_AT = 100
"""So many events at the end of each log."""

TOLERATED = timedelta(seconds=5)
"""What the clocks of two machines that are kept in time may differ by, generously."""


@dataclass(frozen=True)
class LatestEvent:
    """Of the events at the end of a log the one with the latest time. `ahead_seconds` is how far that is
    ahead of the clock of this process; 0 when it is not."""

    leader: str
    position: int
    topic: str
    recorded_at: datetime
    ahead_seconds: float

    @property
    def is_from_the_future(self) -> bool:
        """Whether some clock is wrong."""
        return self.ahead_seconds > TOLERATED.total_seconds()


def latest_events(orderwright: Orderwright) -> tuple[LatestEvent, ...]:
    """One for each log that has events with a time."""
    found = (_latest_event(orderwright, leader) for leader in definition.leaders)
    return tuple(event for event in found if event is not None)


def ahead_of_database(orderwright: Orderwright) -> float | None:
    """How many seconds the clock of this process is ahead of the database's, below zero when it is
    behind; None where there is no database server."""
    recorder = orderwright.orders.recorder
    if not isinstance(recorder, PostgresRecorder):
        return None
    before = orderwright.clock()
    (row,) = recorder.rows("SELECT date_part('epoch', clock_timestamp()) AS seconds", {})
    after = orderwright.clock()
    theirs = datetime.fromtimestamp(row["seconds"], UTC)
    return (before + (after - before) / 2 - theirs).total_seconds()


def _latest_event(orderwright: Orderwright, leader: str) -> LatestEvent | None:
    application = orderwright.applications[leader]
    head = application.recorder.max_notification_id() or 0
    first = max(head - LOOKED_AT + 1, 1)
    times = [
        (recorded_at, event)
        for event in application.recorder.select_notifications(start=first, limit=LOOKED_AT)
        if (recorded_at := facts_of(event, application.mapper).recorded_at) is not None
    ]
    if not times:
        return None
    recorded_at, event = max(times, key=lambda each: each[0])
    ahead = max((recorded_at - orderwright.clock()).total_seconds(), 0.0)
    return LatestEvent(leader, event.id, event.topic, recorded_at, ahead)
