"""Stored events: searched by type and metadata, read in pages, and read as streams.

Each application has a log of its own with positions of its own, so a search answers application
after application, by name, and within each in the order of positions. A cursor is such a place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification

from application.paging import PAGE_BYTES, check_limit, decode_cursor, encode_cursor
from application.queries import EventQuery, InvalidQuery, PageRequest, StreamNotFound, check_choice
from application.unreadable import UnreadableEvent
from application.views import EventView, FoundEvent, Page, to_json
from domain.shared.aggregates import EVENT_TYPES
from system.bootstrap import Orderwright
from system.persistence.search import EventCriteria, facts_of

METADATA = {
    "originator_id",
    "originator_version",
    "originator_topic",
    "timestamp",
    "event_id",
    "correlation_id",
    "causation_id",
    "command_id",
    "user",
}
"""The fields of an event that are no part of its payload."""
_LAST_POSITION = 2**62


def find_events(orderwright: Orderwright, query: EventQuery, page: PageRequest) -> Page[FoundEvent]:
    """One page of the events that match, by application and position. Raises `InvalidQuery`.

    It ends early with the event with which it reaches `PAGE_BYTES`.

    Going on after its last position never misses an event of that application, however late it was
    committed.
    """
    applications = _applications(orderwright, query.applications)
    criteria = EventCriteria(_types(query.types), query.correlation_id, query.user, query.since, query.until)
    limit = check_limit(page)
    begin, after = _start(query, page, applications)
    found: list[tuple[str, Notification]] = []
    bytes_left = PAGE_BYTES
    for name in applications:
        if name < begin or len(found) > limit or bytes_left <= 0:
            continue
        application = orderwright.applications[name]
        search = application.recorder.search(application.mapper)
        events = search.find(criteria, after if name == begin else 0, limit + 1 - len(found), bytes_left)
        found += [(name, event) for event in events]
        bytes_left -= sum(len(event.state) for event in events)
    shown = found[:limit]
    is_cut = len(found) > limit or bytes_left <= 0
    cursor = encode_cursor(shown[-1][0], shown[-1][1].id) if is_cut else None
    return Page(tuple(found_event(orderwright, name, event) for name, event in shown), cursor)


def is_costly(orderwright: Orderwright, query: EventQuery) -> bool:
    """Whether a search may have to look through much of the log: for times, or where there is no index.
    Raises `InvalidQuery`."""
    if query.since is not None or query.until is not None:
        return True
    if query.user is None and query.correlation_id is None and not query.types:
        return False
    applications = [orderwright.applications[name] for name in _applications(orderwright, query.applications)]
    return not all(one.recorder.search(one.mapper).is_indexed for one in applications)


def stream_events(
    orderwright: Orderwright, stream_id: UUID, application: str | None = None, first: int = 1
) -> list[FoundEvent]:
    """The events of a stream from a version on, in order. Raises `InvalidQuery` and `StreamNotFound`."""
    applications = _applications(orderwright, () if application is None else (application,))
    events = list(_stream(orderwright, applications, stream_id, first))
    if not events and not any(_stream(orderwright, applications, stream_id, 1)):
        raise StreamNotFound(f"there is no stream {stream_id} in {', '.join(applications)}")
    return events


def event_view(orderwright: Orderwright, application: str, notification: Notification) -> EventView:
    """An event of an application's log. Raises `UnreadableEvent`."""
    event: Any = orderwright.applications[application].mapper.to_domain_event(notification)
    return EventView(
        event_id=event.event_id,
        type=notification.topic,
        application=application,
        stream_id=str(notification.originator_id),
        stream_version=notification.originator_version,
        position=notification.id,
        recorded_at=event.timestamp,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        command_id=event.command_id,
        user=event.user,
        payload={name: to_json(value) for name, value in vars(event).items() if name not in METADATA},
    )


def found_event(orderwright: Orderwright, application: str, notification: Notification) -> FoundEvent:
    """An event of an application's log, also one that cannot be decoded."""
    try:
        return FoundEvent(**vars(event_view(orderwright, application, notification)), error=None)
    except UnreadableEvent as error:
        problem = error.message
    facts = facts_of(notification, orderwright.applications[application].mapper)
    return FoundEvent(
        event_id=facts.text("event_id"),
        type=notification.topic,
        application=application,
        stream_id=str(notification.originator_id),
        stream_version=notification.originator_version,
        position=notification.id,
        recorded_at=facts.recorded_at,
        correlation_id=facts.correlation_id,
        causation_id=facts.text("causation_id"),
        command_id=facts.text("command_id"),
        user=facts.user,
        payload=None,
        error=problem,
    )


def found_stream(
    orderwright: Orderwright, application: str, stream_id: UUID, first: int = 1, last: int | None = None
) -> Iterator[FoundEvent]:
    """The events of a stream of an application, also those that cannot be read. One before which others
    are missing says so."""
    store = orderwright.applications[application].recorder
    before: int | None = 0 if first == 1 else None
    for notification in store.select_stream(stream_id, first, last):
        found = found_event(orderwright, application, notification)
        if before is not None and found.error is None and notification.originator_version != before + 1:
            gap = UnreadableEvent.after_a_gap(notification, before, application)
            found = replace(found, error=gap.message)
        yield found
        before = notification.originator_version


def _stream(
    orderwright: Orderwright, applications: Sequence[str], stream_id: UUID, first: int
) -> Iterator[FoundEvent]:
    for name in applications:
        yield from found_stream(orderwright, name, stream_id, first)


def _applications(orderwright: Orderwright, names: Sequence[str]) -> list[str]:
    """The applications to be searched, in the order of their names."""
    known = sorted(orderwright.applications)
    for name in names:
        _check(name, known, "application")
    return sorted({*names}) or known


def _types(types: Sequence[str]) -> tuple[str, ...]:
    for topic in types:
        family = topic.partition(".")[0] + "."
        choices = sorted(known for known in EVENT_TYPES if known.startswith(family))
        families = sorted({known.partition(".")[0] + ".*" for known in EVENT_TYPES})
        _check(topic, choices or families, "type")
    return tuple(dict.fromkeys(types))


def _check(value: str, choices: Sequence[str], parameter: str) -> None:
    try:
        check_choice(value, choices, f"/{parameter}")
    except InvalidQuery as error:
        raise InvalidQuery(f"{parameter}: {error.message}", field=error.field) from None


def _start(query: EventQuery, page: PageRequest, applications: Sequence[str]) -> tuple[str, int]:
    """The application to begin with, and the position there after which to begin."""
    if query.after is not None and len(query.applications) != 1:
        raise InvalidQuery("after: a position takes exactly one application", field="/after")
    begin, after = applications[0], query.after or 0
    if page.cursor is None:
        return begin, after
    application, position = decode_cursor(page.cursor, str, int)
    if not 0 <= position <= _LAST_POSITION:
        raise InvalidQuery("the cursor is not one of this list's", field="/cursor")
    return application, max(position, after)
