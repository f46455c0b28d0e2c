"""The parking lots of all followers, kept up to date as long as a piece of work at the desk lasts."""

from collections.abc import Iterator
from typing import Any, cast

from application.base import bring_up_to_date
from application.streams import UnreadableStream
from application.unreadable import UnreadableEvent
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.follower import Follower
from system.followers.parked import ParkedEvent
from system.followers.parking import ParkingLot, parking_lot_id
from system.followers.projection import Projection
from system.followers.salvage import salvaged

from .cases import Case, HeldBack, Kind, Place, no_such_case


class Lots:
    """Reads each lot once, and then only what was recorded in it since. For one thread."""

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright
        self._known: dict[str, Any] = {}

    def follower(self, name: str) -> Follower:
        """The follower of a name."""
        return self._orderwright.applications[name]

    def find(self, follower: str) -> ParkingLot | None:
        """The lot of a follower as it is now, or None when it never had to park anything.

        Raises `UnreadableEvent`: what is to be done with a lot has to know all of it.
        """
        application = self.follower(follower)
        lot = {parking_lot_id(follower): self._known.pop(follower, None)}
        bring_up_to_date(lot, application.recorder, application.mapper)
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

    def forget(self, follower: str) -> None:
        """Read a lot anew the next time: what was done to this copy of it was not recorded."""
        self._known.pop(follower, None)

    def cases(self) -> Iterator[Case]:
        """The first event of every sequence, in the lots of all followers, as far as they can be read."""
        for follower in definition.followers:
            lot = self._seen(follower)
            for waiting in lot.parked.values() if lot is not None else ():
                yield self.case(follower, waiting[0], held_back=len(waiting) - 1)

    def _seen(self, follower: str) -> ParkingLot | None:
        """The lot to look at: also one that cannot be read in full."""
        try:
            return self.find(follower)
        except UnreadableEvent as error:
            return salvaged(self.follower(follower), error)

    def case(self, follower: str, event: ParkedEvent, held_back: int, behind: str | None = None) -> Case:
        """The case of an event."""
        return Case(
            case_id=case_id(follower, event),
            kind=Kind.PROJECTION if isinstance(self.follower(follower), Projection) else Kind.PROCESS,
            where=follower,
            what=event.topic,
            sequence=event.sequence,
            error=event.error,
            attempts=event.attempts,
            first_at=event.first_at,
            last_at=event.last_at,
            leader=event.leader,
            position=event.position,
            stream_id=str(event.stream_id),
            stream_version=event.stream_version,
            held_back=held_back,
            waits_behind=behind,
        )

    def case_at(self, place: Place) -> tuple[Case, tuple[HeldBack, ...]]:
        """The case of an event that waits, first or not, and what waits behind it. Raises `CaseNotFound`."""
        lot = self._seen(place.follower)
        if lot is None:
            raise no_such_case(str(place))
        waiting = lot.sequence_of(place.leader, place.position)
        index = [event.place for event in waiting].index((place.leader, place.position))
        behind = tuple(
            HeldBack(
                case_id(place.follower, event),
                event.topic,
                str(event.stream_id),
                event.stream_version,
                event.first_at,
            )
            for event in waiting[index + 1 :]
        )
        first = None if index == 0 else case_id(place.follower, waiting[0])
        return self.case(place.follower, waiting[index], len(behind), first), behind


def case_id(follower: str, event: ParkedEvent) -> str:
    """The id of the case of an event."""
    return str(Place(follower, event.leader, event.position))
