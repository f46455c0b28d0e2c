"""Folding stored streams: whatever is wrong with one becomes `UnreadableEvent`, and stays its own fault."""

from typing import Any
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.application import Repository as LibraryRepository
from eventsourcing.persistence import Mapper, StoredEvent

from .unreadable import UnreadableEvent


class UnreadableStream:
    """Stands for an aggregate that could not be loaded, until somebody asks for it."""

    def __init__(self, error: UnreadableEvent) -> None:
        self._error = error

    @property
    def error(self) -> UnreadableEvent:
        """What to raise."""
        return self._error.with_traceback(None)


def folded(aggregate: Any, stored_event: StoredEvent, mapper: Mapper[UUID]) -> Any:
    """The aggregate after one more stored event; None is one that has none yet. Raises `UnreadableEvent`."""
    event: Any = mapper.to_domain_event(stored_event)
    before = 0 if aggregate is None else aggregate.version
    try:
        if before == 0 and stored_event.originator_version != 1:
            raise ValueError("its stream does not begin there")  # the library would not mind
        return event.mutate(aggregate)
    except Exception as error:  # whatever a damaged event leads to in the memory of an aggregate
        application = getattr(mapper, "application", "")
        if stored_event.originator_version != before + 1:
            raise UnreadableEvent.after_a_gap(stored_event, before, application) from error
        why = f"is damaged: {type(error).__name__}: {error}"
        raise UnreadableEvent.of(stored_event, why, application) from error


def located(error: UnreadableEvent, recorder: Any) -> UnreadableEvent:
    """The error with the position of its event, which reading a stream does not tell."""
    if error.position is not None or not hasattr(recorder, "select_stream"):  # the library's own recorder
        return error
    found = recorder.select_stream(error.stream_id, error.version, error.version)
    return error.at(found[0].id) if found else error


class Repository(LibraryRepository[UUID]):
    """The library's repository, for streams that may be damaged."""

    def get(self, aggregate_id: UUID, *, version: int | None = None, **_: Any) -> Any:
        """The aggregate, at a version if one is given. Raises `AggregateNotFoundError`, `UnreadableEvent`."""
        recorder, mapper = self.event_store.recorder, self.event_store.mapper
        aggregate: Any = None
        try:
            for stored_event in recorder.select_events(aggregate_id, lte=version):
                aggregate = folded(aggregate, stored_event, mapper)
        except UnreadableEvent as error:
            raise located(error, recorder) from error.__cause__
        if aggregate is None:
            raise AggregateNotFoundError((aggregate_id, version))
        return aggregate
