"""How far each follower is, as recorded in the store."""

from dataclasses import dataclass
from typing import cast

from eventsourcing.persistence import TrackingRecorder

from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.runner.parking import ParkedEvent, ParkingLot, parking_lot_id


@dataclass(frozen=True)
class Position:
    """How far a follower is in the log of one of its leaders. `lag` counts events."""

    follower: str
    leader: str
    position: int
    head: int

    @property
    def lag(self) -> int:
        """How many events are still to be read; below zero when the position is ahead of the log."""
        return self.head - self.position


def positions(orderwright: Orderwright) -> list[Position]:
    """The recorded position of every follower in every log it follows."""
    found = []
    for leader, follower in definition.edges:
        recorder = cast(TrackingRecorder, orderwright.applications[follower].recorder)
        # The position is read first: a head that is read later can only be further on.
        position = recorder.max_tracking_id(leader) or 0
        head = orderwright.applications[leader].recorder.max_notification_id() or 0
        found.append(Position(follower, leader, position, head))
    return found


@dataclass(frozen=True)
class ParkedReport:
    """An event that a follower has parked, or holds back behind a parked one (error None)."""

    follower: str
    event: ParkedEvent


def parked_events(orderwright: Orderwright) -> list[ParkedReport]:
    """Every parked event of every follower."""
    found = []
    for follower in definition.followers:
        lot = orderwright.applications[follower].find(ParkingLot, parking_lot_id(follower))  # type: ignore[attr-defined]  # ours
        if lot is not None:
            found += [ParkedReport(follower, event) for events in lot.parked.values() for event in events]
    return found


def is_settled(orderwright: Orderwright) -> bool:
    """Whether every follower is level, no payment call is due, and nothing moved while looking."""
    before = positions(orderwright)
    return (
        all(position.lag <= 0 for position in before)
        and orderwright.payment_ledger.count_due_calls() == 0
        and positions(orderwright) == before
    )
