"""What can still be read of a parking lot that cannot be read in full.

A damaged lot must not stop its follower. What can be read is known to wait, event by event, whatever
is missing around it. An event of the lot that cannot be read mostly still says which sequence it is
about; whether anything waits there cannot be told, so that sequence is held back until the lot is
repaired. One that does not even say that is told like the others, and holds nobody back.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from eventsourcing.persistence import Notification

from application.unreadable import UnreadableEvent
from domain.shared.causes import Cause, because_of
from system.followers.follower import Follower
from system.persistence.search import facts_of

from .parked import ParkedEvent, Pointer
from .parking import ParkingEvent, ParkingLot, parking_lot_id

_MOVES_NOTHING = (ParkingLot.Opened.TOPIC, ParkingLot.RetryFailed.TOPIC)
_SEQUENCE = re.compile(rb'"(?:sequence|correlation_id)": ?"([^"\\]+)"')


def lot_of(follower: Follower) -> ParkingLot | None:
    """The parking lot of a follower, None when it never had to park anything. Of one that cannot be read
    in full what can be read, with the rest in its `damage`."""
    try:
        return follower.find(ParkingLot, parking_lot_id(follower.name))
    except UnreadableEvent as error:
        return salvaged(follower, error)


def salvaged(follower: Follower, error: UnreadableEvent) -> ParkingLot:
    """What can be read of a lot of which this is known to be wrong. It may go on: its version is that of
    the last stored event."""
    lot = _empty_lot(follower.name)
    waiting: dict[tuple[str, int], ParkedEvent] = {}
    damage, doubtful = [], set()
    rows = follower.recorder.select_stream(lot.id)
    for row, event, wrong in _read(follower, rows):
        if wrong is not None:
            damage.append(wrong)
        if event is None:
            doubtful |= _sequences_in(row, follower)
            continue
        lot.modified_on = max(lot.modified_on, event.timestamp)
        if isinstance(event, ParkingEvent):
            _change(waiting, event)
    lot.version = rows[-1].originator_version
    for parked in waiting.values():
        lot.parked.setdefault(parked.sequence, []).append(parked)
        lot.sequences[parked.place] = parked.sequence
    lot.damage, lot.doubtful = tuple(damage) or (error,), frozenset(doubtful)
    return lot


def _read(
    follower: Follower, rows: Sequence[Notification]
) -> Iterator[tuple[Notification, Any, UnreadableEvent | None]]:
    """Each row with its event, or what is wrong with it, or both when rows before it are missing."""
    expected = 1
    for row in rows:
        event: Any = None
        wrong: UnreadableEvent | None = None
        try:
            event = follower.mapper.to_domain_event(row)
            if not isinstance(event, ParkingEvent | ParkingLot.Opened):
                event, wrong = None, UnreadableEvent.of(row, "has no place in a parking lot", follower.name)
            elif row.originator_version != expected:
                wrong = UnreadableEvent.after_a_gap(row, expected - 1, follower.name)
        except UnreadableEvent as error:
            wrong = error
        yield row, event, wrong
        expected = row.originator_version + 1


def _empty_lot(follower: str) -> ParkingLot:
    with because_of(Cause(datetime.fromtimestamp(0, UTC), follower, follower)):
        lot = ParkingLot.open(follower)
    lot.collect_events()  # it was opened long ago: nothing of this is to be recorded
    return lot


def _change(waiting: dict[tuple[str, int], ParkedEvent], event: Any) -> None:
    """What an event did to the one that it is about, whatever else could not be read."""
    pointer = Pointer(**{name: getattr(event, name) for name in Pointer.__dataclass_fields__})
    before = waiting.get(pointer.place)
    if isinstance(event, ParkingLot.EventRetried | ParkingLot.EventDiscarded):
        waiting.pop(pointer.place, None)
        return
    waiting[pointer.place] = ParkedEvent(
        **pointer.facts(),
        error=getattr(event, "error", None),
        attempts=getattr(event, "attempts", 0),
        first_at=event.timestamp if before is None else before.first_at,
        last_at=event.timestamp,
    )


def _sequences_in(row: Notification, follower: Follower) -> set[str]:
    """The sequence that an unreadable event of a lot is about, if it moved anything and says so."""
    if row.topic in _MOVES_NOTHING:
        return set()
    facts = facts_of(row, follower.mapper)
    told = facts.text("sequence") or facts.correlation_id
    if told is not None:
        return {told}
    return {found.decode(errors="replace") for found in _SEQUENCE.findall(bytes(row.state))}
