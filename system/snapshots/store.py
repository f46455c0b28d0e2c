"""The place where snapshots are kept. It is opened when it is first needed, and no fault of it hurts
anybody: what is asked for while it is away is not there."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from eventsourcing.persistence import OperationalError, PersistenceError

from system.persistence.side_store import SideStore
from system.persistence.tables import Step

from .tables import TABLES

FAULTS = (PersistenceError, sqlite3.Error, OSError)
"""Whatever a database or file can have."""

LEFT_ALONE_SECONDS = 5.0
"""So long nothing is asked of it after it could not answer: nobody waits for it again and again."""

log = structlog.get_logger()


class SnapshotsAway(OperationalError):
    """The place where snapshots are kept did not answer, now or a moment ago."""


class SnapshotStore:
    """Reads and writes the tables of snapshots, for any number of threads."""

    def __init__(self, open_store: Callable[[], SideStore]) -> None:
        self._make = open_store
        self._store: SideStore | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._away_until = 0.0
        self.fault: str | None = None
        """Why it did not answer when it was last asked, or None."""

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a query gives. Raises `SnapshotsAway`."""
        found: list[dict[str, Any]] = self._try(lambda store: store.rows(statement, parameters))
        return found

    def transact(self, steps: Sequence[Step]) -> None:
        """Take these steps in one transaction. Raises `SnapshotsAway`."""
        self._try(lambda store: store.transact(steps))

    def open(self) -> None:
        """Open it now, and make its tables where they are not there. Raises `SnapshotsAway`."""
        self._try(lambda _: None)

    def close(self) -> None:
        """Close it, for good."""
        with self._lock:
            self._is_closed = True
            if self._store is not None:
                self._store.close()

    def _try(self, ask: Callable[[SideStore], Any]) -> Any:
        if time.monotonic() < self._away_until:
            raise SnapshotsAway(self.fault)
        try:
            answer = ask(self._opened())
        except FAULTS as error:
            self._away_until = time.monotonic() + LEFT_ALONE_SECONDS
            if self.fault is None:
                log.warning("snapshots cannot be kept or used; streams are replayed", error=str(error))
            self.fault = f"{type(error).__name__}: {error}"
            raise SnapshotsAway(self.fault) from error
        self.fault = None
        return answer

    def _opened(self) -> SideStore:
        with self._lock:
            if self._is_closed:
                raise SnapshotsAway("it is closed")
            if self._store is None:
                store = self._make()
                try:
                    store.create_tables(TABLES)
                except BaseException:
                    store.close()
                    raise
                self._store = store
            return self._store
