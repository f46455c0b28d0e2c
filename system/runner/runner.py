"""The in-process runner: a loop a follower, and the worker that talks to the payment provider.

It pulls: each loop reads from its recorded position, so it catches up at start and misses nothing
while it was away. Wake-ups only make it faster.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.system import Leader, RecordingEvent, RecordingEventReceiver, System

from system.processes.following import Following

from .feed import STORE_FAULTS, Feed
from .log import Leading, Log
from .loop import FollowerLoop, Wakeup
from .turn import Turn
from .working_set import Repository, WorkingSet

STOP_WITHIN_SECONDS = 5.0


class Worker(Protocol):
    """A thread beside the followers, woken when one of them has made progress."""

    wakeup: Wakeup

    def start(self) -> None:
        """Begin."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end."""
        ...

    def is_busy(self) -> bool:
        """Whether there is something to do, now or later."""
        ...


class Runner(RecordingEventReceiver[UUID]):
    """Runs a system's followers in threads of this process."""

    def __init__(
        self,
        system: System,
        applications: Mapping[str, Application[UUID]],
        *,
        clock: Callable[[], datetime],
        page_size: int,
        poll_seconds: float,
    ) -> None:
        self._applications = applications
        self._leads = system.leads
        self._workers: list[Worker] = []
        self.turn = Turn()
        self.loops: dict[str, FollowerLoop] = {}
        logs = {name: Log(cast(Leading, applications[name])) for name in system.leads}
        for name in system.followers:
            follower = cast(Following, applications[name])
            working_set = WorkingSet(cast(Repository, follower.repository))
            feeds = [
                Feed(follower, logs[leader], working_set, clock, page_size) for leader in system.follows[name]
            ]
            self.loops[name] = FollowerLoop(feeds, poll_seconds, self.turn)

    def add_worker(self, worker: Worker, after: str) -> None:
        """Run this worker as well, and wake it when the follower `after` has made progress."""
        self._workers.append(worker)
        self.loops[after].on_progress.append(worker.wakeup)

    def receive_recording_event(self, new_recording_event: RecordingEvent[UUID]) -> None:
        """Something was recorded in this process: wake who follows it."""
        for follower in self._leads[new_recording_event.application_name]:
            self.loops[follower].wakeup.ring()

    def start(self) -> None:
        """Catch up, then follow, until stopped."""
        for name in self._leads:
            cast(Leader[UUID], self._applications[name]).lead(self)
        for thread in self._threads():
            thread.start()

    def stop(self) -> None:
        """Finish the pages in hand and stop, within five seconds."""
        for name in self._leads:
            cast(Leader[UUID], self._applications[name]).followers.remove(self)
        threads = self._threads()
        for thread in threads:
            thread.wakeup.stop()
        deadline = time.monotonic() + STOP_WITHIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(*STORE_FAULTS):  # positions without effect may be recorded another time
            for loop in self.loops.values():
                if not loop.is_alive():
                    loop.carry_forward()

    def backlog(self) -> int:
        """How many events are still to be read by the followers, in all."""
        return sum(feed.head() - feed.position for feed in self._feeds())

    def is_settled(self) -> bool:
        """Whether every follower is level with all it follows and no worker has anything to do.

        The heads are read twice: what was recorded between the two looks is not missed.
        """
        heads = self._heads()
        return (
            all(feed.position >= heads[feed.leader.name] for feed in self._feeds())
            and not any(worker.is_busy() for worker in self._workers)
            and self._heads() == heads
        )

    def wait_until_settled(self, timeout: float, progress: Callable[[], object] | None = None) -> bool:
        """Wait until settled; False when that took longer than `timeout` seconds.

        While the store is away nothing is settled, and the followers come back by themselves.
        """
        deadline = time.monotonic() + timeout
        while not self._is_surely_settled():
            if time.monotonic() > deadline:
                return False
            if progress is not None:
                progress()
            time.sleep(0.02)
        return True

    def _is_surely_settled(self) -> bool:
        try:
            return self.is_settled()
        except STORE_FAULTS:
            return False

    def _threads(self) -> list["Worker | FollowerLoop"]:
        return [*self.loops.values(), *self._workers]

    def _feeds(self) -> list[Feed]:
        return [feed for loop in self.loops.values() for feed in loop.feeds]

    def _heads(self) -> dict[str, int]:
        return {
            name: cast(Any, self._applications[name]).recorder.max_notification_id() or 0
            for name in self._leads
        }
