"""A follower that reads one log page by page, and what of its work came to be recorded."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from system.runner.subscription import Subscription

from .running_shop import Shop
from .waiting import PATIENCE_SECONDS
from .ways import ByHand


class Reader:
    """One process that follows, moved by hand. A second one is the same follower in another process."""

    def __init__(self, way: object, follower: str, leader: str) -> None:
        assert isinstance(way, ByHand)
        self.shop = Shop(way)
        self.application = cast(Any, way.orderwright.applications[follower])
        subscriptions = way.runner.loops[follower].subscriptions
        self.subscription: Subscription = next(
            subscription for subscription in subscriptions if subscription.leader.name == leader
        )
        self.done: list[str] = []
        """The conversations of the events that were reacted to, where that was recorded."""
        self.tried: list[int] = []
        """The positions that were tried to be recorded, with work."""
        self._react, self._record = self.application.handle, self.application.record_work
        self._in_hand: tuple[Any, list[str]] = (None, [])
        self._meanwhile: list[tuple[int, Callable[[], object]]] = []
        self.application.handle, self.application.record_work = self._reacts, self._records

    def before_recording(self, position: int, meanwhile: Callable[[], object]) -> None:
        """Do something elsewhere, once, when what was done up to a position is about to be recorded."""
        self._meanwhile.append((position, meanwhile))

    def advance(self) -> int:
        """One page."""
        return self.subscription.advance()

    def recorded(self) -> int:
        """The position as the store has it."""
        return cast(int, self.application.recorder.checkpoint(self.subscription.leader.name)[0])

    def _reacts(self, event: Any, work: Any) -> None:
        self._react(event, work)
        if self._in_hand[0] is not work:  # what was done of a page that failed does not count
            self._in_hand = (work, [])
        self._in_hand[1].append(event.correlation_id)

    def _records(self, work: Any) -> None:
        done = self._in_hand[1] if self._in_hand[0] is work else []
        if work.position is not None:
            self.tried.append(work.position.notification_id)
            for position, meanwhile in list(self._meanwhile):
                if position == work.position.notification_id:
                    self._meanwhile.remove((position, meanwhile))
                    with ThreadPoolExecutor(1) as elsewhere:
                        elsewhere.submit(meanwhile).result(PATIENCE_SECONDS)
        self._record(work)
        self.done += done
