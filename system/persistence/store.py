"""What everything here asks of a store, whichever database it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import Mapper, Notification, ProcessRecorder, StoredEvent, Tracking

from .agreement import AgreementStore
from .counting import Found, Part
from .heartbeats import HeartbeatStore
from .inspection import Inspection, PlainInspection
from .search import EventSearch, Scan
from .tables import Change, Table

LogRow = tuple[UUID, int, str, bytes, int]
"""An event as it is stored: stream, version, topic, state, position."""


class Store(AgreementStore, HeartbeatStore, ProcessRecorder, ABC):
    """The store of one application: its events, its positions in the logs it follows, and the rows of
    its read models.

    It is the library's process recorder, so that the library can work with it, and what that has no place
    for: rows that change together with a position, a stream with the position of each event, the agreement
    of logs and followers, and the heartbeats of a follower.
    """

    # Writing

    @abstractmethod
    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        rows: Iterable[Change] = (),
        **library: Any,
    ) -> Sequence[int] | None:
        """Append events, move a position and change rows: all of it or nothing.

        Raises `IntegrityError` only when a version is taken or the position was moved by somebody else.
        Further keywords are the library's, which has none at present.
        """

    @abstractmethod
    def create_tables(self, tables: Iterable[Table]) -> None:
        """Create tables, columns and indexes of a read model that are not there yet."""

    # Reading

    @abstractmethod
    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a query gives."""

    @abstractmethod
    def select_stream(self, stream_id: UUID, first: int = 1, last: int | None = None) -> list[Notification]:
        """The events of a stream from version `first` to `last` (both included), oldest first, with the
        position of each."""

    @abstractmethod
    def select_streams(self, after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
        """The events of these streams, of each those after a version, and at most so many; one stream after
        the other, each in order, and all as of one moment."""

    def select_log(self, after: int, limit: int) -> Sequence[LogRow]:
        """At most so many events after a position, in the order of positions."""
        return [
            (cast(UUID, one.originator_id), one.originator_version, one.topic, one.state, one.id)
            for one in self.select_notifications(after, limit, inclusive_of_start=False)
        ]

    def select_log_from(self, position: int, limit: int) -> Sequence[LogRow]:
        """The event at a position, if it is there, and at most so many after it."""
        return self.select_log(position - 1, limit + 1)

    def last_of_each(self, topics: Iterable[str]) -> Sequence[LogRow]:  # noqa: ARG002 - see below
        """The last event of each of these topics; nothing where no index tells which that is."""
        return ()

    @abstractmethod
    def count_log(self, part: Part) -> Found:
        """How many events there are in a part of the log, and where the first of them is."""

    def search(self, mapper: Mapper[UUID]) -> EventSearch:
        """The fastest search that this store has. What is compressed or encrypted can only be read here,
        event by event."""
        if mapper.cipher is None and mapper.compressor is None:
            return self._plain_search(mapper)
        return Scan(self, mapper)

    def _plain_search(self, mapper: Mapper[UUID]) -> EventSearch:
        """The fastest one for events that are stored as they are."""
        return Scan(self, mapper)

    def inspection(self) -> Inspection:
        """What looks at its rows as they are stored, for whoever verifies them."""
        return PlainInspection(self)

    # Whether it can be written

    def try_to_write(self) -> None:
        """Return when the store took a trial write, durably as it does a command. Raises the library's
        `PersistenceError` when it did not, and `NoConnection` when it was not asked."""
        self.max_notification_id()

    def why_unwritable(self) -> str | None:
        """Why its file cannot be written; None when it can, or is only in use, or there is no file."""
        return None
