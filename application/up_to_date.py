"""Bringing many aggregates up to date at once."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from .streams import Repository, UnreadableStream, folded, located
from .unreadable import UnreadableEvent


def bring_up_to_date(aggregates: dict[UUID, Any], repository: Repository) -> None:
    """Fold what is stored since into each aggregate, in place; None is one that is not known yet, and
    stays None when it does not exist. One that cannot be read becomes an `UnreadableStream`, and the
    others are none the worse for it.

    All are as of one moment, except those of which more is to be read than a short stream has: each of
    those is as of its own.
    """
    after = {id_: 0 if aggregate is None else aggregate.version for id_, aggregate in aggregates.items()}
    if not repository.snapshots.are_used or 0 not in after.values():
        for id_, events in groupby(repository.streams.select_streams(after), _STREAM):
            aggregates[id_] = _folded(aggregates[id_], events, repository)
        return
    short = repository.snapshots.short
    for id_ in repository.snapshots.known([id_ for id_, version in after.items() if not version]):
        del after[id_]
        aggregates[id_] = _loaded(id_, (), repository)
    for id_, events in groupby(repository.streams.select_streams(after, short + 1), _STREAM):
        beginning = list(events)
        if len(beginning) > short and aggregates[id_] is None:
            aggregates[id_] = _loaded(id_, beginning, repository)
        elif len(beginning) > short:
            rest = repository.event_store.recorder.select_events(id_, gt=beginning[-1].originator_version)
            aggregates[id_] = _folded(aggregates[id_], [*beginning, *rest], repository)
        else:
            aggregates[id_] = _folded(aggregates[id_], beginning, repository)


def _folded(aggregate: Any, events: Iterable[StoredEvent], repository: Repository) -> Any:
    try:
        for stored_event in events:
            aggregate = folded(aggregate, stored_event, repository.mapper)
    except UnreadableEvent as error:
        return UnreadableStream(located(error, repository.streams))
    return aggregate


def _loaded(id_: UUID, beginning: Sequence[StoredEvent], repository: Repository) -> Any:
    try:
        loaded = repository.load_long(id_, beginning)
    except UnreadableEvent as error:
        return UnreadableStream(error)
    return None if loaded is None else loaded.aggregate


_STREAM = attrgetter("originator_id")
