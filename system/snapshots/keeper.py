"""The snapshots of a process: one place for all of its applications, and one thread that takes them."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from application.base import Application
from system.persistence.side_store import SideStore

from .figures import DROPPED, Figures, LongReplay
from .kept import KeptSnapshots
from .policy import Policy
from .requests import Requests
from .store import SnapshotsAway, SnapshotStore
from .taker import SnapshotTaker
from .telling import Teller

DRAINED_WITHIN_SECONDS = 1.0
"""At the end so long is given to those that are still to be taken; the rest are taken another time."""


class SnapshotKeeper:
    """Has the applications load from snapshots, and takes new ones.

    Without `start` nothing runs in the background: what was asked for is taken when this is closed.
    """

    def __init__(
        self,
        applications: Mapping[str, Application],
        open_store: Callable[[], SideStore],
        policy: Policy,
        clock: Callable[[], datetime],
    ) -> None:
        self.policy = policy
        self.store = SnapshotStore(open_store)
        self.requests = Requests()
        self._figures = Figures()
        self._is_started = False
        self.kept = {
            name: KeptSnapshots(application, self.store, policy, self._figures, self._asking(name))
            for name, application in applications.items()
        }
        self._teller = Teller(self.store, self._figures, clock)
        self.taker = SnapshotTaker(
            self.store, applications, self.kept, self.requests, self._figures, policy, self._teller, clock
        )
        for name, application in applications.items():
            application.use_snapshots(self.kept[name])

    def start(self) -> None:
        """Take snapshots in the background from now on, where any are taken. Again changes nothing."""
        if self.policy.is_on and not self._is_started:
            self._is_started = True
            self.taker.start()

    def untold(self) -> tuple[Counter[tuple[str, str]], list[LongReplay]]:
        """What this process has counted and not yet told the store: by name and kind of aggregate; and the
        long replays."""
        return self._figures.untold()

    def close(self, within: float = DRAINED_WITHIN_SECONDS) -> None:
        """Take what was asked for, within a bound, and close the place where they are kept."""
        deadline = time.monotonic() + within
        if self._is_started:
            self.taker.stop()
            self.taker.join(within)
        if not self.taker.is_alive():
            self.taker.finish(max(0.0, deadline - time.monotonic()))
            self._leave()
        self.store.close()

    def _leave(self) -> None:
        if self._is_started:
            try:
                self._teller.tell(len(self.requests), is_leaving=True)
            except SnapshotsAway:  # it has been logged
                return

    def _asking(self, application: str) -> Callable[[UUID, str], object]:
        def ask(stream_id: UUID, topic: str) -> None:
            if self.requests.put((application, stream_id)):
                self.taker.wakeup.ring()
            else:
                self._figures.count(DROPPED, topic)

        return ask
