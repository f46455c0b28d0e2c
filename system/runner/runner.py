"""The in-process runner: a loop a follower, and the worker that talks to the payment provider.

It runs all followers, or those that this process owns at the moment.

It pulls: each loop reads from its recorded position, so it catches up at start and misses nothing
while it was away. Wake-ups only make it faster.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from eventsourcing.system import Leader, RecordingEvent, RecordingEventReceiver, System

from system.concurrency.background import BackgroundLoop
from system.concurrency.memory import collect_garbage_less_often
from system.concurrency.turn import Turn
from system.followers.event_log import EventLog
from system.followers.follower import Follower
from system.followers.identity_map import IdentityMap
from system.persistence.faults import STORE_FAULTS

from .loop import FollowerLoop
from .subscription import Subscription
from .wakeups import WakeupListener

STOP_WITHIN_SECONDS = 5.0


@dataclass
class Post:
    """A follower's loop, and the workers that go with it. It is started once."""

    loop: FollowerLoop
    workers: list[BackgroundLoop] = field(default_factory=list)
    is_started: bool = False

    def add(self, worker: BackgroundLoop) -> None:
        """Have a worker woken by the loop, for the first time when the follower is level."""
        worker.wakeup.is_held = True
        self.workers.append(worker)
        self.loop.on_progress.append(worker.wakeup)

    def start(self) -> None:
        """Begin."""
        self.is_started = True
        for thread in self._threads():
            thread.start()

    def dismiss(self) -> None:
        """Tell all to stop; they finish what they have in hand."""
        for thread in self._threads():
            thread.stop()

    def join(self, timeout: float) -> None:
        """Wait for the end."""
        deadline = time.monotonic() + timeout
        for thread in self._threads() if self.is_started else ():
            thread.join(max(0.0, deadline - time.monotonic()))

    def is_alive(self) -> bool:
        """Whether any of them is at work."""
        return any(thread.is_alive() for thread in self._threads())

    def still_for(self) -> float:
        """For how many seconds one of them should have moved and has not; 0 while all is well."""
        return max(thread.pulse.still_for() if thread.is_alive() else 0.0 for thread in self._threads())

    def _threads(self) -> list[BackgroundLoop]:
        return [self.loop, *self.workers]


class Runner(RecordingEventReceiver[UUID]):
    """Runs followers of a system in threads of this process: all of them, or those it is told to.

    `start`, `follow` and `stop` are for one thread; everything else is for any.
    """

    def __init__(
        self,
        system: System,
        applications: Mapping[str, Follower],
        *,
        clock: Callable[[], datetime],
        page_size: int,
        poll_seconds: float,
    ) -> None:
        self._system = system
        self._applications = applications
        self._clock = clock
        self._page_size = page_size
        self._poll_seconds = poll_seconds
        self._logs = {name: EventLog(applications[name]) for name in system.leads}
        self._make_workers: dict[str, list[Callable[[], BackgroundLoop]]] = {}
        self._listeners: list[WakeupListener] = []
        self._has_begun = False
        self._leaving: dict[str, Post] = {}
        self.turn = Turn()
        self._posts = {name: self._new_post(name) for name in system.followers}

    @property
    def loops(self) -> dict[str, FollowerLoop]:
        """The loops of those that are followed, or will be once this is started, by name."""
        return {name: post.loop for name, post in self._posts.items()}

    def add_worker(self, make: Callable[[], BackgroundLoop], after: str) -> None:
        """Run such a worker wherever `after` is followed, and wake it when that has made progress."""
        self._make_workers.setdefault(after, []).append(make)
        self._posts[after].add(make())

    def add_listener(self, listener: WakeupListener) -> None:
        """Run a listener as soon as anything is followed; it calls `ring`."""
        self._listeners.append(listener)

    def receive_recording_event(self, new_recording_event: RecordingEvent[UUID]) -> None:
        """Something was recorded in this process: wake who follows it."""
        self.ring(new_recording_event.application_name)

    def ring(self, leader: str) -> None:
        """Wake who follows a leader."""
        for follower in self._system.leads[leader]:
            post = self._posts.get(follower)
            if post is not None:
                post.loop.wakeup.ring()

    def start(self) -> None:
        """Catch up, then follow everything, until stopped."""
        self.follow(frozenset(self._system.followers))

    def follow(self, names: Collection[str]) -> None:
        """Follow these from now on, and no others. Returns at once.

        Those that are to stop finish the page in hand, see `running`; one that is wanted again
        before it has stopped begins with the next call after that.
        """
        for name in set(self._posts) - set(names):
            leaving = self._posts[name]
            self._posts = {other: self._posts[other] for other in self._posts if other != name}
            if leaving.is_alive():
                leaving.dismiss()
                self._leaving[name] = leaving
        for name in [name for name, post in self._leaving.items() if not post.is_alive()]:
            self._leaving.pop(name).join(0)
        if names:
            self._begin()
        for name in sorted(set(names) - set(self._leaving)):
            post = self._posts.get(name)
            if post is None:
                post = self._new_post(name)
                self._posts = {**self._posts, name: post}
            if not post.is_started:
                post.start()

    def running(self) -> frozenset[str]:
        """The followers that are at work, with those that were told to stop and have not yet."""
        posts = [*self._posts.items(), *self._leaving.items()]
        return frozenset(name for name, post in posts if post.is_alive())

    def still(self) -> dict[str, float]:
        """The followers that are at work and do not move, and for how many seconds: they hang."""
        posts = [*self._posts.items(), *self._leaving.items()]
        return {name: seconds for name, post in posts if (seconds := post.still_for())}

    def stop(self, within: float = STOP_WITHIN_SECONDS) -> None:
        """Finish the pages in hand and stop, within five seconds."""
        if self._has_begun:
            for listener in self._listeners:
                listener.stop()
            for name in self._system.leads:
                cast(Leader[UUID], self._applications[name]).followers.remove(self)
        self._has_begun = False
        posts = [*self._posts.values(), *self._leaving.values()]
        for post in posts:
            post.dismiss()
        deadline = time.monotonic() + within
        for post in posts:
            post.join(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(*STORE_FAULTS):  # positions without effect may be recorded another time
            for post in posts:
                if not post.is_alive():
                    post.loop.carry_forward()

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            collect_garbage_less_often()
            for name in self._system.leads:
                cast(Leader[UUID], self._applications[name]).lead(self)
            for listener in self._listeners:
                listener.start()

    def _new_post(self, name: str) -> Post:
        """A follower that reads its positions anew and remembers nothing of an earlier time."""
        follower = self._applications[name]
        identity_map = IdentityMap(follower.repository)
        subscriptions = [
            Subscription(follower, self._logs[leader], identity_map, self._clock, self._page_size)
            for leader in self._system.follows[name]
        ]
        post = Post(FollowerLoop(subscriptions, self._poll_seconds, self.turn, self._hears))
        for make in self._make_workers.get(name, ()):
            post.add(make())
        return post

    def _hears(self, leader: str) -> bool:
        return any(listener.hears(leader) for listener in self._listeners)

    def backlog(self) -> int:
        """How many events are still to be read by the followers of this runner, in all."""
        return sum(subscription.head() - subscription.position for subscription in self._subscriptions())

    def is_settled(self) -> bool:
        """Whether every follower of this runner is level with all it follows and no worker of it has
        anything to do. What others run is not looked at.

        The heads are read twice: what was recorded between the two looks is not missed.
        """
        heads = self._heads()
        return (
            all(
                subscription.position >= heads[subscription.leader.name]
                for subscription in self._subscriptions()
            )
            and not any(worker.is_busy() for post in self._posts.values() for worker in post.workers)
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

    def _subscriptions(self) -> list[Subscription]:
        return [subscription for post in self._posts.values() for subscription in post.loop.subscriptions]

    def _heads(self) -> dict[str, int]:
        return {
            name: self._applications[name].recorder.max_notification_id() or 0 for name in self._system.leads
        }
