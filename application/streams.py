"""Folding stored streams: whatever is wrong with one becomes `UnreadableEvent`, and stays its own fault."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.application import Repository as LibraryRepository
from eventsourcing.persistence import AggregateRecorder, EventStore, Mapper, Notification, StoredEvent

from .unreadable import UnreadableEvent


class StreamsReader(Protocol):
    """What an application asks of its store beside what the library does."""

    def select_streams(self, after: Mapping[UUID, int]) -> Iterable[StoredEvent]:
        """The events of these streams, of each those after a version; each stream in order, and all
        as of one moment."""
        ...

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """The events of a stream from version `first` to `last` (both included) with their positions."""
        ...


class OneByOne:
    """Reads through a recorder of the library's, which tells no positions and reads a stream at a time."""

    def __init__(self, recorder: AggregateRecorder) -> None:
        self._recorder = recorder

    def select_streams(self, after: Mapping[UUID, int]) -> Iterable[StoredEvent]:
        """See `StreamsReader`; each as of its own moment."""
        for stream_id, version in after.items():
            yield from self._recorder.select_events(stream_id, gt=version)

    def select_stream(self, *_: Any, **__: Any) -> list[Notification]:
        """See `StreamsReader`; none, as positions are not known."""
        return []


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


def located(error: UnreadableEvent, streams: StreamsReader) -> UnreadableEvent:
    """The error with the position of its event, which reading a stream does not tell."""
    if error.position is not None:
        return error
    found = streams.select_stream(error.stream_id, error.version, error.version)
    return error.at(found[0].id) if found else error


class Repository(LibraryRepository[UUID]):
    """The library's repository, for streams that may be damaged."""

    def __init__(self, event_store: EventStore[UUID], streams: StreamsReader) -> None:
        super().__init__(event_store)
        self.streams = streams

    def get(self, aggregate_id: UUID, *, version: int | None = None, **_: Any) -> Any:
        """The aggregate, at a version if one is given. Raises `AggregateNotFoundError`, `UnreadableEvent`."""
        recorder, mapper = self.event_store.recorder, self.event_store.mapper
        aggregate: Any = None
        try:
            for stored_event in recorder.select_events(aggregate_id, lte=version):
                aggregate = folded(aggregate, stored_event, mapper)
        except UnreadableEvent as error:
            raise located(error, self.streams) from error.__cause__
        if aggregate is None:
            raise AggregateNotFoundError((aggregate_id, version))
        return aggregate
