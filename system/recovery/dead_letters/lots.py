"""The parking lots of all followers, kept up to date as long as a piece of work at the desk lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from application.streams import UnreadableStream
from application.unreadable import UnreadableEvent
from application.up_to_date import bring_up_to_date
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.follower import Follower
from system.followers.identity_map import IdentityMap
from system.followers.parked import ParkedEvent, Pointer
from system.followers.parking import ParkingLot, parking_lot_id
from system.followers.salvage import salvaged

from .cases import no_such_case

_LONGEST_POSITION = 18


@dataclass(frozen=True)
class Place:
    """Where an event waits: the follower whose lot it is in, and its place in the log of a leader."""

    follower: str
    leader: str
    position: int

    @classmethod
    def of(cls, follower: str, event: Pointer) -> Self:
        """Where an event waits in the lot of a follower."""
        return cls(follower, event.leader, event.position)

    @classmethod
    def parse(cls, case_id: str) -> Self:
        """The place that a case id names. Raises `CaseNotFound` when it can be the id of no case."""
        follower, _, rest = case_id.partition(":")
        leader, _, position = rest.partition(":")
        is_number = position.isascii() and position.isdigit() and len(position) <= _LONGEST_POSITION
        if leader not in definition.follows.get(follower, ()) or not is_number:
            raise no_such_case(case_id)
        return cls(follower, leader, int(position))

    def __str__(self) -> str:
        return f"{self.follower}:{self.leader}:{self.position}"


class Lots:
    """Reads each lot once, and then only what was recorded in it since. For one thread."""

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright
        self._known: dict[str, Any] = {}
        self._identity_maps: dict[str, IdentityMap] = {}

    def follower(self, name: str) -> Follower:
        """The follower of a name."""
        return self._orderwright.applications[name]

    def identity_map(self, follower: str) -> IdentityMap:
        """What a follower's reactions work on here."""
        if follower not in self._identity_maps:
            self._identity_maps[follower] = IdentityMap(self.follower(follower).repository)
        return self._identity_maps[follower]

    def find(self, follower: str) -> ParkingLot | None:
        """The lot of a follower as it is now, or None when it never had to park anything.

        Raises `UnreadableEvent`: what is to be done with a lot has to know all of it.
        """
        application = self.follower(follower)
        lot = {parking_lot_id(follower): self._known.pop(follower, None)}
        bring_up_to_date(lot, application.repository)
        found = lot[parking_lot_id(follower)]
        if type(found) is UnreadableStream:
            raise found.error
        self._known[follower] = found
        return cast(ParkingLot | None, self._known[follower])

    def get(self, place: Place) -> ParkingLot:
        """The lot that a place is in. Raises `UnreadableEvent`, and `CaseNotFound` when there is none."""
        lot = self.find(place.follower)
        if lot is None:
            raise no_such_case(str(place))
        return lot

    def seen(self, follower: str) -> ParkingLot | None:
        """The lot to look at: also one that cannot be read in full."""
        try:
            return self.find(follower)
        except UnreadableEvent as error:
            return salvaged(self.follower(follower), error)

    def sequence_at(self, place: Place) -> Sequence[ParkedEvent]:
        """What waits in the sequence of an event, to look at. Raises `CaseNotFound`."""
        lot = self.seen(place.follower)
        if lot is None:
            raise no_such_case(str(place))
        return lot.sequence_of(place.leader, place.position)

    def forget(self, follower: str) -> None:
        """Read a lot anew the next time: what was done to this copy of it was not recorded."""
        self._known.pop(follower, None)
