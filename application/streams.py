"""Folding stored streams: whatever is wrong with one becomes `UnreadableEvent`, and stays its own fault."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.application import Repository as LibraryRepository
from eventsourcing.persistence import AggregateRecorder, EventStore, Mapper, Notification, StoredEvent

from .snapshots import LONG_SECONDS, NO_SNAPSHOTS, Snapshots
from .unreadable import UnreadableEvent


class StreamsReader(Protocol):
    """What an application asks of its store beside what the library does."""

    def select_streams(self, after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
        """The events of these streams, of each those after a version, and at most so many; one stream after
        the other, each in order, and all as of one moment."""
        ...

    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """The events of a stream from version `first` to `last` (both included) with their positions."""
        ...


class OneByOne:
    """Reads through a recorder of the library's, which tells no positions and reads a stream at a time."""

    def __init__(self, recorder: AggregateRecorder) -> None:
        self._recorder = recorder

    def select_streams(self, after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
        """See `StreamsReader`; each as of its own moment."""
        for stream_id, version in after.items():
            yield from self._recorder.select_events(stream_id, gt=version, limit=at_most)

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


@dataclass(frozen=True)
class Loaded:
    """An aggregate with the last event of its stream, or up to where it was loaded."""

    aggregate: Any
    last: StoredEvent


class Repository(LibraryRepository[UUID]):
    """The library's repository, for streams that may be damaged, and may have snapshots."""

    def __init__(self, event_store: EventStore[UUID], streams: StreamsReader) -> None:
        super().__init__(event_store)
        self.streams = streams
        self.snapshots: Snapshots = NO_SNAPSHOTS

    @property
    def mapper(self) -> Mapper[UUID]:
        """What decodes the events."""
        return self.event_store.mapper

    def get(self, aggregate_id: UUID, *, version: int | None = None, **_: Any) -> Any:
        """The aggregate, at a version if one is given. Raises `AggregateNotFoundError`, `UnreadableEvent`."""
        loaded = self.load(aggregate_id, version)
        if loaded is None:
            raise AggregateNotFoundError((aggregate_id, version))
        return loaded.aggregate

    def load(self, aggregate_id: UUID, version: int | None = None, *, replay: bool = False) -> Loaded | None:
        """The aggregate, at a version if one is given; None when there is none.

        A long stream is read from its snapshot on, if it has one that can be used and is not after the
        version. With `replay` it is read from its first event, whatever there is. Raises `UnreadableEvent`.
        """
        is_short = version is not None and version <= self.snapshots.short
        if replay or is_short or not self.snapshots.are_used:
            return self._folded(None, None, self._select(aggregate_id, 0, version))
        beginning: Sequence[StoredEvent] = ()
        if not self.snapshots.known((aggregate_id,)):
            beginning = self._select(aggregate_id, 0, version, self.snapshots.short + 1)
            if len(beginning) <= self.snapshots.short:
                return self._folded(None, None, beginning)
        return self.load_long(aggregate_id, beginning, version)

    def load_long(
        self, aggregate_id: UUID, beginning: Sequence[StoredEvent], version: int | None = None
    ) -> Loaded | None:
        """The same, of a stream that is long, or known to have a snapshot. `beginning` are its first events,
        as far as they were read."""
        began = monotonic()
        topic = beginning[0].topic if beginning else None
        snapshot = self.snapshots.find(aggregate_id, topic, version)
        loaded, events = None, 0
        if snapshot is not None:
            # The event that it was taken at is read again: the log may be an older copy by now, or another.
            since = self._select(aggregate_id, snapshot.version - 1, version)
            if since and snapshot.is_at(since[0]):
                self.snapshots.used(snapshot)
                loaded, events = self._folded(snapshot.aggregate, since[0], since[1:]), len(since) - 1
            else:
                self.snapshots.disproved(snapshot)
        if loaded is None:
            after = beginning[-1].originator_version if beginning else 0
            rest = self._select(aggregate_id, after, version)
            loaded, events = self._folded(None, None, [*beginning, *rest]), len(beginning) + len(rest)
        seconds = monotonic() - began
        if loaded is not None and seconds > LONG_SECONDS:
            self.snapshots.took_long(loaded.aggregate, events, seconds)
        return loaded

    def _select(
        self, aggregate_id: UUID, after: int, last: int | None, at_most: int | None = None
    ) -> Sequence[StoredEvent]:
        return list(self.event_store.recorder.select_events(aggregate_id, gt=after, lte=last, limit=at_most))

    def _folded(
        self, aggregate: Any, last: StoredEvent | None, events: Iterable[StoredEvent]
    ) -> Loaded | None:
        try:
            for stored_event in events:
                aggregate, last = folded(aggregate, stored_event, self.mapper), stored_event
        except UnreadableEvent as error:
            raise located(error, self.streams) from error.__cause__
        return None if last is None else Loaded(aggregate, last)
