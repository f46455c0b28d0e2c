"""The base of every application: safe decoding, and commands that are retried on a conflict."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import eventsourcing.application
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError, JSONTranscoder, Mapper, Recording

from domain.shared.aggregates import Aggregate
from domain.shared.causes import Cause, because_of
from domain.shared.errors import Contradiction, VersionConflict

from .codec import Codec
from .mapping import SafeMapper, register_value_types
from .snapshots import NO_SNAPSHOTS, Snapshots
from .streams import OneByOne, Repository, StreamsReader, UnreadableStream
from .up_to_date import bring_up_to_date

MAX_TRIES = 10
PAGE_SIZE = 500

A = TypeVar("A", bound=Aggregate)


class ConcurrentChanges(Contradiction):
    """Others kept changing the same stream. Nothing was recorded; the same command may be sent again."""

    code = "concurrent_changes"


@dataclass(frozen=True)
class CommandContext:
    """Who commands, when, and under which id. The id is the idempotency key where there is one.

    An id that was made up for this command alone cannot have carried it out before.
    """

    command_id: str
    time: datetime
    user: str | None = None
    can_be_a_repeat: bool = True

    def cause(self, correlation_id: object) -> Cause:
        """The cause of everything that this command does in a conversation."""
        return Cause.command(
            time=self.time, correlation_id=correlation_id, command_id=self.command_id, user=self.user
        )


class Application(eventsourcing.application.Application[UUID]):
    """An application whose stored events can be trusted and whose pages are not tiny."""

    log_section_size = PAGE_SIZE
    kept_snapshots: Snapshots = NO_SNAPSHOTS
    """Where loading looks for snapshots, and what is told of each event recorded."""
    _repository: Repository

    def use_snapshots(self, snapshots: Snapshots) -> None:
        """Load long streams from snapshots from now on, and have new ones taken."""
        self.kept_snapshots = self.repository.snapshots = snapshots

    @property
    def repository(self) -> Repository:
        """See `construct_repository`."""
        return self._repository

    def save(self, *objs: Any, **kwargs: Any) -> list[Recording[UUID]]:
        """Record what is new of these aggregates. Raises `IntegrityError` when somebody else was faster."""
        recordings = super().save(*objs, **kwargs)
        self.kept_snapshots.recorded(recording.domain_event for recording in recordings)
        return recordings

    def construct_mapper(self) -> Mapper[UUID]:
        """Decode known topics only."""
        mapper = self.factory.mapper(transcoder=self.construct_transcoder(), mapper_class=SafeMapper)
        cast(SafeMapper, mapper).application = self.name
        return mapper

    def construct_repository(self) -> Repository:
        """A repository that tells what is wrong with a stream that it cannot read."""
        return Repository(self.events, self.streams)

    @property
    def streams(self) -> StreamsReader:
        """Reads streams in this application's store."""
        return OneByOne(self.recorder)

    def construct_transcoder(self) -> JSONTranscoder:
        """Our codec."""
        transcoder = Codec()
        self.register_transcodings(transcoder)
        return transcoder

    def register_transcodings(self, transcoder: JSONTranscoder) -> None:
        """Add our value types to the library's."""
        super().register_transcodings(transcoder)
        register_value_types(transcoder)

    def find(
        self,
        aggregate_class: type[A],
        aggregate_id: UUID,
        version: int | None = None,
    ) -> A | None:
        """The aggregate, at a version if one is given, or None when there is none of this kind.

        Raises `UnreadableEvent`.
        """
        try:
            found: Any = self.repository.get(aggregate_id, version=version)
        except AggregateNotFoundError:
            return None
        return found if isinstance(found, aggregate_class) else None

    def find_all(self, aggregate_class: type[A], aggregate_ids: Iterable[UUID]) -> dict[UUID, A]:
        """Those of the aggregates that there are of this kind, read at once. Raises `UnreadableEvent`."""
        found: dict[UUID, Any] = dict.fromkeys(aggregate_ids)
        bring_up_to_date(found, self.repository)
        for aggregate in found.values():
            if type(aggregate) is UnreadableStream:
                raise aggregate.error
        return {id_: found[id_] for id_ in found if isinstance(found[id_], aggregate_class)}

    def present(self, stream_ids: Iterable[UUID]) -> set[UUID]:
        """Those of the streams that there are, of whatever kind. Nothing is decoded."""
        stored = self.streams.select_streams(dict.fromkeys(stream_ids, 0))
        return {cast(UUID, event.originator_id) for event in stored}

    def check_version(self, aggregate_id: UUID, expected: int | None) -> None:
        """Raise `VersionConflict` when a stream does not end at the expected version (0: there is none).
        Reads its last event only, so that a command which comes too late costs nothing."""
        if expected is None:
            return
        last = list(self.recorder.select_events(aggregate_id, desc=True, limit=1))
        current = last[0].originator_version if last else 0
        if current != expected:
            raise VersionConflict(expected=expected, current=current)

    def decide(
        self,
        load: Callable[[], A],
        act: Callable[[A], object],
        cause: Cause,
        *,
        expected_version: int | None = None,
        is_repeat: Callable[[A], bool] = lambda _: False,
    ) -> tuple[A, int | None]:
        """Load, act and save; when somebody else was faster, again from fresh state.

        Returns the aggregate and the position of its last new event (None when nothing had to be
        recorded). Raises `VersionConflict` when the caller expected another version of what is
        stored (0 when nothing is). `is_repeat` says whether this very command was carried out
        before: its own event has moved the version then, so no version is expected any more.
        """
        for _ in range(MAX_TRIES):
            with because_of(cause):
                aggregate = load()
                stored_version = aggregate.version - len(aggregate.pending_events)
                if expected_version not in (None, stored_version) and not is_repeat(aggregate):
                    raise VersionConflict(expected=expected_version, current=stored_version)
                act(aggregate)
            try:
                return aggregate, last_position(self.save(aggregate))
            except IntegrityError:
                continue
        raise ConcurrentChanges("the stream kept changing; nothing was recorded, try again")


def last_position(recordings: list[Recording[UUID]]) -> int | None:
    """The position of the last of these, in its application's log."""
    return recordings[-1].notification.id if recordings else None
