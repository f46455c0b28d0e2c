"""Any aggregate as it was: at a version or at a moment, and what changed between two of them.

Nothing is recorded and no read model is asked: an aggregate is what its events say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from eventsourcing.persistence import Notification

from application.queries import InvalidQuery
from application.unreadable import UnreadableEvent
from application.views import FoundEvent, utc_text
from domain.shared.errors import NotFound
from system.bootstrap import Orderwright
from system.persistence.postgres.answers import Pace, at_pace
from system.persistence.search import facts_of

from .events import found_event
from .state import FieldChange, changes, state_of
from .stream_names import StreamPlace, stream_named

MAX_EVENTS = 500
"""So many of the events between two versions are listed."""

Point: TypeAlias = int | datetime
"""A version, or a moment: after all that was recorded up to and including that time."""


class NotInHistory(NotFound):
    """The stream has no such version, or had not begun at that moment."""

    code = "not_in_history"


@dataclass(frozen=True)
class PastState:
    """An aggregate as it was. `event` is the one that made this version; `as_of` is the moment that was
    asked for, if one was. `is_latest` says that nothing was recorded after it."""

    application: str
    stream_id: str
    aggregate: str
    version: int
    latest_version: int
    is_latest: bool
    as_of: datetime | None
    event: FoundEvent
    state: Mapping[str, Any]


@dataclass(frozen=True)
class HistoryDiff:
    """What changed from one state to a later one, field by field, and the events between them: those after
    the version `from_version` up to and including `to_version`. More than `MAX_EVENTS` are counted."""

    application: str
    stream_id: str
    aggregate: str
    from_version: int
    from_time: datetime | None
    to_version: int
    to_time: datetime | None
    latest_version: int
    changes: tuple[FieldChange, ...]
    events: tuple[FoundEvent, ...]
    events_left_out: int


@at_pace(Pace.SLOW)
def past_state(orderwright: Orderwright, stream: str, point: Point | None = None) -> PastState:
    """A stream's aggregate at a version or a moment; without one as it is now. A moment that has not come yet
    shows the latest version, like every moment after it.

    Raises `StreamNotFound`, `InvalidQuery` when the name can mean two streams, `NotInHistory` beyond
    either end, and `UnreadableEvent`, which names the event that stops it.
    """
    place = stream_named(orderwright, stream)
    version = _version(orderwright, place, place.latest if point is None else point)
    event, aggregate = _event(orderwright, place, version), aggregate_at(orderwright, place, version)
    return PastState(
        application=place.application,
        stream_id=str(place.stream_id),
        aggregate=type(aggregate).TOPIC,
        version=version,
        latest_version=place.latest,
        is_latest=version == place.latest,
        as_of=point if isinstance(point, datetime) else None,
        event=event,
        state=state_of(aggregate),
    )


@at_pace(Pace.SLOW)
def history_diff(orderwright: Orderwright, stream: str, since: Point, until: Point) -> HistoryDiff:
    """What changed between two versions or moments of a stream. Raises as `past_state` does, and
    `InvalidQuery` when the first is later than the second."""
    place = stream_named(orderwright, stream)
    first, last = _version(orderwright, place, since), _version(orderwright, place, until)
    if first > last:
        raise InvalidQuery(f"version {first} is later than version {last}: name the earlier one first")
    began, ended = (_event(orderwright, place, version) for version in (first, last))
    before, after = (aggregate_at(orderwright, place, version) for version in (first, last))
    listed = range(first + 1, min(last, first + MAX_EVENTS) + 1)
    return HistoryDiff(
        application=place.application,
        stream_id=str(place.stream_id),
        aggregate=type(after).TOPIC,
        from_version=first,
        from_time=began.recorded_at,
        to_version=last,
        to_time=ended.recorded_at,
        latest_version=place.latest,
        changes=tuple(changes(state_of(before), state_of(after))),
        events=tuple(_events(orderwright, place, listed)) if listed else (),
        events_left_out=last - first - len(listed),
    )


def aggregate_at(orderwright: Orderwright, place: StreamPlace, version: int) -> Any:
    """The aggregate of a stream at a version that it has had. Raises `UnreadableEvent`.

    The one place where a past state is loaded, by folding the events up to the version. Whatever makes this
    quicker may begin from no later version.
    """
    repository = orderwright.applications[place.application].repository
    return repository.get(place.stream_id, version=version)


def _version(orderwright: Orderwright, place: StreamPlace, point: Point) -> int:
    if isinstance(point, datetime):
        return _version_as_of(orderwright, place, point)
    if not 1 <= point <= place.latest:
        has = "1 event" if place.latest == 1 else f"{place.latest} events"
        raise NotInHistory(
            f"stream {place.stream_id} of {place.application} has {has}, and so no version {point}",
            field="/version",
        )
    return point


def _version_as_of(orderwright: Orderwright, place: StreamPlace, moment: datetime) -> int:
    """The last version up to a moment, found by halving: within a stream time never runs backwards."""
    begin = _time(orderwright, place, 1)
    if begin > moment:
        raise NotInHistory(
            f"stream {place.stream_id} of {place.application} began at {utc_text(begin)}; "
            f"there was nothing of it at {utc_text(moment)}",
            field="/as_of",
        )
    known, beyond = 1, place.latest + 1
    while beyond - known > 1:
        middle = (known + beyond) // 2
        if _time(orderwright, place, middle) <= moment:
            known = middle
        else:
            beyond = middle
    return known


def _time(orderwright: Orderwright, place: StreamPlace, version: int) -> datetime:
    """When a version was recorded, as its row tells. Raises `UnreadableEvent` when it does not."""
    notification = _notification(orderwright, place, version)
    time = facts_of(notification, orderwright.applications[place.application].mapper).recorded_at
    if time is None:
        why = "does not tell its time, so what was recorded by a moment cannot be told; ask for a version"
        raise UnreadableEvent.of(notification, why, place.application)
    return time


def _event(orderwright: Orderwright, place: StreamPlace, version: int) -> FoundEvent:
    return found_event(orderwright, place.application, _notification(orderwright, place, version))


def _events(orderwright: Orderwright, place: StreamPlace, versions: range) -> list[FoundEvent]:
    store = orderwright.applications[place.application].recorder
    stored = store.select_stream(place.stream_id, versions[0], versions[-1])
    return [found_event(orderwright, place.application, one) for one in stored]


def _notification(orderwright: Orderwright, place: StreamPlace, version: int) -> Notification:
    """The row of a version. Raises `UnreadableEvent` about the one after the gap when it is missing."""
    store = orderwright.applications[place.application].recorder
    stored = store.select_stream(place.stream_id, version, version)
    if not stored:
        after = store.select_stream(place.stream_id, version, place.latest)[0]
        raise UnreadableEvent.after_a_gap(after, version - 1, place.application)
    return stored[0]
