"""Takes the snapshots that were asked for, in the background: no command and no follower waits for it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from eventsourcing.persistence import StoredEvent

from application.base import Application
from application.state import UnkeepableState
from application.streams import Loaded, Repository
from application.unreadable import UnreadableEvent
from domain.shared.aggregates import Aggregate
from system.concurrency.background import BackgroundLoop
from system.persistence.faults import STORE_FAULTS
from system.persistence.tables import Step

from .figures import FAILED, TAKEN, Figures
from .kept import KeptSnapshots, Known
from .policy import Policy
from .requests import Request, Requests
from .rows import row_of
from .store import SnapshotStore
from .tables import FORGET, PUT
from .telling import Teller

TELL_EVERY_SECONDS = 5.0
BE_SEEN_EVERY_SECONDS = 60.0
"""So often where nothing has happened."""

EVENTS_AT_ONCE = 5
"""So many events are replayed before others may have a go; it takes a fraction of a millisecond."""

BYTES_LIKE_AN_EVENT = 8192
"""So many bytes of a snapshot take as long to read as an event. A large one is renewed when the events since
take as long as it does; else a product with many receipts would be written again and again."""

log = structlog.get_logger()


class ConsiderateRepository(Repository):
    """Replays in the background: others have the interpreter as soon as they ask for it.

    Python hands it from thread to thread every five milliseconds, and a command would wait for that
    each time that it has heard from the store.
    """

    def _folded(
        self, aggregate: Any, last: StoredEvent | None, events: Iterable[StoredEvent]
    ) -> Loaded | None:
        return super()._folded(aggregate, last, _letting_others_go_first(events))


def _letting_others_go_first(events: Iterable[StoredEvent]) -> Iterator[StoredEvent]:
    for number, event in enumerate(events):
        if not number % EVENTS_AT_ONCE:
            time.sleep(0)
        yield event


class SnapshotTaker(BackgroundLoop):
    """Takes one snapshot after the other, and tells every few seconds what was counted."""

    faults = STORE_FAULTS
    pausing = "taking snapshots pauses"
    failed = "a snapshot could not be taken"

    def __init__(
        self,
        store: SnapshotStore,
        applications: Mapping[str, Application],
        kept: Mapping[str, KeptSnapshots],
        requests: Requests,
        figures: Figures,
        policy: Policy,
        teller: Teller,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__("snapshots")
        self._store = store
        self._applications = applications
        self._kept = kept
        self._requests = requests
        self._figures = figures
        self._policy = policy
        self._teller = teller
        self._clock = clock
        self._told_at = time.monotonic()
        self._unkeepable: set[str] = set()
        self._repositories: dict[str, Repository] = {}

    def is_busy(self) -> bool:
        """Whether there are snapshots to be taken."""
        return len(self._requests) > 0

    def work(self) -> None:
        """See `BackgroundLoop`."""
        request = self._requests.next()
        if request is not None:
            self._take(request)
        has_news = self._figures or self._requests
        if time.monotonic() - self._told_at >= (TELL_EVERY_SECONDS if has_news else BE_SEEN_EVERY_SECONDS):
            self._told_at = time.monotonic()
            self._teller.tell(len(self._requests))
        if request is None:
            self.rest(TELL_EVERY_SECONDS)

    def finish(self, within: float) -> None:
        """In place of the loop, which has ended or never begun: take what is left, so long at most."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and (request := self._requests.next()) is not None:
            try:
                self._take(request)
            except self.faults:
                return

    def _take(self, request: Request) -> None:
        try:
            self.take(*request)
        except self.faults:
            self._requests.put(request)
            raise
        except UnreadableEvent as error:  # whoever needs the stream is told, and so is the audit
            log.debug("no snapshot is taken of a stream that cannot be read", error=str(error))
        except UnkeepableState as error:
            self._tell_unkeepable(request, error)

    def take(self, application: str, stream_id: UUID, *, whatever: bool = False) -> Loaded | None:
        """Take a snapshot of a stream as it is stored now; the aggregate, or None when there was nothing
        to be taken: the present one is as new, or is large and nearly so. `whatever` takes it all the same.

        Raises `UnreadableEvent`, `UnkeepableState`, `SnapshotsAway` and faults of the store.
        """
        kept = self._kept[application]
        loaded = self._repository(application).load(stream_id)
        known = kept.known_of(stream_id)
        bad: list[Step] = []
        if known is not None and known.unusable is not None:
            place = {"application": application, "stream_id": str(stream_id)}
            bad = [(FORGET, {**place, "digest": known.unusable})]
        if loaded is None or not (whatever or self._is_worth_it(loaded.aggregate, known)):
            if bad:
                self._store.transact(bad)
            return None
        time.sleep(0)
        row = row_of(self._applications[application], loaded, self._clock())
        time.sleep(0)
        self._store.transact([*bad, (PUT, row)])
        kept.note(stream_id, Known(loaded.aggregate.version, row["size"]))
        self._figures.count(TAKEN, row["topic"])
        return loaded

    def _is_worth_it(self, aggregate: Aggregate, known: Known | None) -> bool:
        every = self._policy.of(type(aggregate).TOPIC)
        if not every or aggregate.version < every:
            return False
        if known is None or known.unusable is not None:
            return True
        since = aggregate.version - known.version
        return since > 0 and since >= known.size // BYTES_LIKE_AN_EVENT

    def _repository(self, application: str) -> Repository:
        """One of its own, so that no page of a follower comes between, and its loads are not counted."""
        if application not in self._repositories:
            of = self._applications[application]
            self._repositories[application] = ConsiderateRepository(of.events, of.streams)
            self._repositories[application].snapshots = self._kept[application].uncounted()
        return self._repositories[application]

    def _tell_unkeepable(self, request: Request, error: UnkeepableState) -> None:
        application, stream_id = request
        self._figures.count(FAILED, "")
        if application not in self._unkeepable:
            self._unkeepable.add(application)
            log.error(
                "no snapshot can be taken of a kind of aggregate; its streams are replayed",
                application=application,
                stream=str(stream_id),
                error=str(error),
            )
