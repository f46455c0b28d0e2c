"""How far each follower is, as recorded in the store."""

from dataclasses import dataclass

from application.views import Damage, damage_of
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.parked import ParkedEvent
from system.followers.salvage import lot_of


@dataclass(frozen=True)
class Position:
    """How far a follower is in the log of one of its leaders, and where that log ends. How many events lie
    between the two only the store can tell, see `lag`."""

    follower: str
    leader: str
    position: int
    head: int

    @property
    def is_ahead(self) -> bool:
        """Whether the follower has read what the log does not have."""
        return self.position > self.head

    @property
    def is_level(self) -> bool:
        """Whether there is nothing after the position."""
        return self.position >= self.head


def positions(orderwright: Orderwright) -> list[Position]:
    """The recorded position of every follower in every log it follows."""
    found = []
    for leader, follower in definition.edges:
        application = orderwright.applications[follower]
        # The position is read first: a head that is read later can only be further on.
        position = application.recorder.max_tracking_id(application.key_of(leader)) or 0
        head = orderwright.applications[leader].recorder.max_notification_id() or 0
        found.append(Position(follower, leader, position, head))
    return found


@dataclass(frozen=True)
class LateSequence:
    """A log whose next event would get a position that is taken, if the append did not see to that."""

    log: str
    next_position: int
    head: int


def sequences_behind(orderwright: Orderwright) -> list[LateSequence]:
    """The logs whose sequence was put back."""
    found = []
    for log in sorted(definition.leaders):
        application = orderwright.applications[log]
        head = application.recorder.max_notification_id() or 0  # first: the sequence only rises
        due = application.recorder.next_position()
        if due is not None and due <= head:
            found.append(LateSequence(log, due, head))
    return found


@dataclass(frozen=True)
class ParkedReport:
    """An event that waits in the parking lot of a follower: the first of its sequence, or behind that."""

    follower: str
    event: ParkedEvent
    is_first: bool


def parked_events(orderwright: Orderwright) -> list[ParkedReport]:
    """Every parked event of every follower, those of a sequence in their order. Of a lot that cannot be
    read in full what can be read."""
    found = []
    for name in definition.followers:
        lot = lot_of(orderwright.applications[name])
        for waiting in lot.parked.values() if lot is not None else ():
            found += [ParkedReport(name, event, event is waiting[0]) for event in waiting]
    return found


@dataclass(frozen=True)
class DamagedLot:
    """A parking lot that cannot be read in full: what is wrong with which of its events. The sequences in
    `doubtful` are held back until it is repaired, as nobody can tell whether something waits there."""

    follower: str
    damage: tuple[Damage, ...]
    doubtful: tuple[str, ...]


def damaged_lots(orderwright: Orderwright) -> tuple[DamagedLot, ...]:
    """The parking lots that cannot be read in full."""
    found = []
    for name in definition.followers:
        lot = lot_of(orderwright.applications[name])
        if lot is not None and lot.damage:
            found.append(DamagedLot(name, tuple(map(damage_of, lot.damage)), tuple(sorted(lot.doubtful))))
    return tuple(found)


def is_settled(orderwright: Orderwright) -> bool:
    """Whether every follower is level, no payment call is due, and nothing moved while looking."""
    before = positions(orderwright)
    return (
        all(position.is_level for position in before)
        and orderwright.payment_calls.count_due_calls() == 0
        and positions(orderwright) == before
    )
