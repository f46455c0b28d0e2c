"""Brings one version of a read model forward, in large pages, beside whoever follows with another one.

A page is a transaction: its rows, the position of the last of its events, and what went wrong in it.
Nothing is put aside to be tried later: an event that cannot be taken in is noted with its place and the
error, and the building goes on, so that at the end all of them are known. That positions only move from
where they were read makes it safe whoever else builds the same version: who comes second reads again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eventsourcing.persistence import IntegrityError, PersistenceError

from domain.shared.errors import NotFound
from system.persistence.agreement import Checkpoint
from system.persistence.conflicts import is_missing_table
from system.persistence.faults import STORE_FAULTS
from system.persistence.tables import Changes
from system.persistence.versions import Failed, State, Version, key_at

from .event_log import Entry, EventLog
from .follower import Follower
from .marks import Mark
from .parked import error_text
from .projection import Projection
from .unit_of_work import UnitOfWork

PAGE_SIZE = 4000
PAGE_BYTES = 8_000_000
"""Pages are made smaller where events are so large that one of them would have more than this."""

FIRST_PAGE = 500
NEARLY_LEVEL = 100
LAST_PAGES = 20
"""Of a version that lacks fewer events so many pages more are read: under load there always are some, and who
keeps it up to date reads them."""

LOOK_AHEAD_SECONDS = 1.0
"""So often it is looked how many events there are by now."""


class VersionGone(NotFound):
    """The version was dropped meanwhile, or was never there."""

    code = "version_gone"


@dataclass
class _Place:
    """Where the version stands in the log of one leader."""

    log: EventLog
    key: str
    position: int = 0
    recorded_mark: str | None = None
    mark: Mark | None = None
    head: int = 0

    @property
    def share(self) -> float:
        """How much of the log is read."""
        return self.position / self.head if self.head else 1.0


class Builder:
    """Builds one version of a read model, or keeps it up to date. Belongs to one thread."""

    def __init__(
        self,
        projection: Projection,
        leaders: Sequence[Follower],
        version: int,
        page_size: int = PAGE_SIZE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._projection = projection
        self._registry = projection.versions.registry
        self.version = version
        self._page_size = page_size
        self._at_once = min(FIRST_PAGE, page_size)
        self._monotonic = monotonic
        self.has_more = False
        """Whether the last page was full, so that there may be more."""
        self._looked_at = 0.0
        self._places = [_Place(EventLog(leader), key_at(leader.name, version)) for leader in leaders]
        self.reload()

    @property
    def events_read(self) -> int:
        """How many events of the logs are read, counted by their positions."""
        return sum(place.position for place in self._places)

    @property
    def events(self) -> int:
        """How many events the logs had when it was last looked, counted in the same way."""
        return sum(max(place.head, place.position) for place in self._places)

    @property
    def behind(self) -> int:
        """How many of them are not read."""
        return self.events - self.events_read

    @property
    def share(self) -> float:
        """How much of them is read."""
        return self.events_read / self.events if self.events else 1.0

    @property
    def taken_seconds(self) -> float:
        """How long the building took so far, whoever did it, without the time that it lay still."""
        return self._taken_before + self._monotonic() - self._since

    def reload(self) -> Version:
        """Begin from what is recorded. Raises `VersionGone`."""
        found = self._registry.get(self.version)
        if found is None or found.state is State.DROPPED:
            raise VersionGone(f"version {self.version} of {self._projection.name} was dropped")
        self._is_ready = found.state is State.READY
        self._taken_before, self._since = found.taken_ms / 1000, self._monotonic()
        for place in self._places:
            place.position, text = self._projection.recorder.checkpoint(place.key)
            place.recorded_mark, place.mark = text, Mark.read(text, place.position)
        self._look_ahead()
        return found

    def _look_ahead(self) -> None:
        """See how long the logs are by now."""
        self._looked_at = self._monotonic()
        for place in self._places:
            place.head = place.log.head()

    def advance(self) -> int:
        """Read one page of the log of which the least is read, and return how many events it had: zero when
        all is read.

        Raises `VersionGone`, `LogDisagrees` and faults of the store; what was done before is recorded.
        """
        if self._monotonic() - self._looked_at > LOOK_AHEAD_SECONDS:
            self._look_ahead()
        for place in sorted(self._places, key=lambda place: place.share):
            page, self.has_more = place.log.page(place.position, self._at_once, place.mark)
            place.log.forget()
            if page:
                break
        else:
            return 0
        place.head = max(place.head, page[-1].position)
        try:
            self._record(place, page)
        except IntegrityError:  # somebody else builds it as well, or it was dropped
            self.reload()
        except PersistenceError as error:
            if is_missing_table(error):
                self.reload()
            raise
        self._suit_page_to(page)
        return len(page)

    def pages_until_level(self) -> Iterator[None]:
        """Read pages until all is read, but for what comes in meanwhile. Raises what `advance` raises."""
        left = LAST_PAGES
        while left and self.advance():
            yield
            if not self.has_more:
                self._look_ahead()
                left -= self.behind < NEARLY_LEVEL

    def _suit_page_to(self, page: Sequence[Entry]) -> None:
        size = sum(len(entry.state) for entry in page)
        fitting = max(1, PAGE_BYTES * len(page) // max(size, 1))
        self._at_once = min(self._page_size, 2 * self._at_once, fitting)

    def _record(self, place: _Place, page: Sequence[Entry]) -> None:
        """Take in a page. One that the store refuses is taken in by halves, until the event that it does
        not take stands alone."""
        rows, failures = self._reacted(place, page)
        try:
            self._write(place, page[-1], rows, failures)
        except (IntegrityError, *STORE_FAULTS):
            raise
        except Exception as error:
            if len(page) == 1:
                self._write(place, page[0], Changes(), [self._failed(place, page[0], error)])
                return
            middle = len(page) // 2
            self._record(place, page[:middle])
            self._record(place, page[middle:])

    def _reacted(self, place: _Place, page: Sequence[Entry]) -> tuple[Changes, list[Failed]]:
        """What the events of a page change, and which of them failed."""
        work = UnitOfWork()
        concerning = [entry for entry in page if self._projection.concerns(entry.topic)]
        try:
            for entry in concerning:
                self._projection.handle(entry.event, work)
        except STORE_FAULTS:
            raise
        except Exception:
            return self._reacted_one_by_one(place, concerning)
        return work.rows, []

    def _reacted_one_by_one(self, place: _Place, page: Sequence[Entry]) -> tuple[Changes, list[Failed]]:
        """The same, each event being tried on its own first: what fails leaves nothing behind."""
        work, failures = UnitOfWork(), []
        for entry in page:
            try:
                self._projection.handle(entry.event, UnitOfWork())
                self._projection.handle(entry.event, work)
            except STORE_FAULTS:
                raise
            except Exception as error:
                failures.append(self._failed(place, entry, error))
        return work.rows, failures

    def _failed(self, place: _Place, entry: Entry, error: Exception) -> Failed:
        return Failed(
            self.version,
            place.log.leader.name,
            entry.position,
            entry.topic,
            str(entry.originator_id),
            entry.conversation,
            error_text(error),
        )

    def _write(self, place: _Place, last: Entry, rows: Changes, failures: Sequence[Failed]) -> None:
        taken_ms = None if self._is_ready else round(self.taken_seconds * 1000)
        mark = last.mark
        here = Checkpoint(place.key, last.position, str(mark), place.recorded_mark)
        changes = [
            *(change.at(self.version) for change in rows),
            *self._registry.notes(self.version, taken_ms, failures),
        ]
        self._projection.recorder.insert_events([], tracking=here, rows=changes)
        place.position, place.mark, place.recorded_mark = last.position, mark, here.mark
