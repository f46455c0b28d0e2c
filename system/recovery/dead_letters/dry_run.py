"""A retry without consequences: the reaction runs, and what it would have recorded is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from application.views import to_json
from system.bootstrap import Orderwright
from system.followers.follower import Follower
from system.followers.identity_map import IdentityMap
from system.followers.parked import ParkedEvent, error_text
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.persistence.faults import STORE_FAULTS
from system.queries.events import METADATA

from .lots import Lots, Place
from .reading import decoded
from .rows import RowChange, Rows


@dataclass(frozen=True)
class EventToRecord:
    """An event that would be recorded."""

    type: str
    stream_id: str
    stream_version: int
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class TriedEvent:
    """What processing an event would lead to, or the error with which it would fail."""

    case_id: str
    what: str
    error: str | None
    events: tuple[EventToRecord, ...]
    rows: tuple[RowChange, ...]


@dataclass(frozen=True)
class DryRun:
    """What a retry would do, up to the first event that would fail. Nothing of it has happened."""

    case_id: str
    events: tuple[TriedEvent, ...]
    would_still_wait: int

    @property
    def would_fail(self) -> bool:
        """Whether one of the events would fail."""
        return any(event.error is not None for event in self.events)


def dry_run(orderwright: Orderwright, lots: Lots, place: Place, *, whole_sequence: bool) -> DryRun:
    """What a retry of the first event of a sequence would do, or of all of them in order.

    Everything happens in memory that nobody else sees and that is thrown away; the store is only read.
    Raises `CaseNotFound`, `EarlierEventWaits`, and faults of the store.
    """
    first = lots.get(place).first_of(place.leader, place.position)
    waiting = lots.get(place).sequence_of(place.leader, place.position)
    done = _tried(orderwright, lots.follower(place.follower), waiting if whole_sequence else [first])
    processed = sum(event.error is None for event in done)
    return DryRun(str(place), tuple(done), len(waiting) - processed)


def _tried(orderwright: Orderwright, follower: Follower, waiting: Sequence[ParkedEvent]) -> list[TriedEvent]:
    identity_map = IdentityMap(follower.repository)
    rows = Rows(follower) if isinstance(follower, Projection) else None
    done: list[TriedEvent] = []
    with identity_map.page():
        for parked in waiting:
            work = UnitOfWork(identity_map=identity_map)
            try:
                follower.handle(decoded(orderwright, parked), work)
                changed = rows.apply(work.rows) if rows is not None else []
                events = tuple(_to_record(event) for event in work.events)
            except STORE_FAULTS:
                raise
            except Exception as error:
                done.append(
                    TriedEvent(str(Place.of(follower.name, parked)), parked.topic, error_text(error), (), ())
                )
                break
            done.append(
                TriedEvent(str(Place.of(follower.name, parked)), parked.topic, None, events, tuple(changed))
            )
    return done


def _to_record(event: Any) -> EventToRecord:
    return EventToRecord(
        event.TOPIC,
        str(event.originator_id),
        event.originator_version,
        {name: to_json(value) for name, value in vars(event).items() if name not in METADATA},
    )
