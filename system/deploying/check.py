"""Replays the sagas of a store against the code at hand, and reports each that would decide otherwise."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from eventsourcing.persistence import PersistenceError

from application.unreadable import UnreadableEvent
from application.views import to_json
from domain.fulfilment import PROCESS_PAYMENT
from system.bootstrap import Orderwright
from system.persistence.conflicts import is_missing_table
from system.persistence.postgres.answers import Pace, at_pace
from system.persistence.search import facts_of
from system.queries.events import METADATA
from system.queries.lot_events import events_of_lot
from system.steps.streams import FULFILMENTS
from system.steps.table import SIDE

from .finding import find_sagas
from .recorded import LEADERS, RecordedSaga, read_sagas
from .replaying import Deviation, Replay
from .report import MAX_DIFFERENCES, MAX_EXAMPLES, Decided, DeployReport, Difference, NotReplayed, Why
from .retries import tried_otherwise
from .stage import Stage

DEFAULT_SAMPLE = 1000


class DeployStage(StrEnum):
    """What the check is doing."""

    FINDING = "Finding sagas"
    REPLAYING = "Replaying"


Look = Callable[[DeployStage, int, int], object]
"""Told which stage, how much of it is done, of how much."""


@at_pace(Pace.SLOW)
def deploy_check(
    orderwright: Orderwright, sample: int = DEFAULT_SAMPLE, look: Look = lambda *_: None
) -> DeployReport:
    """Replay every open saga and a sample of the ended ones. Only reads, also while others write: what is
    heard or recorded after it has begun is not judged."""
    began = time.monotonic()
    # Before anything else is read: what was heard by now has led to what it leads to.
    heard = {name: orderwright.fulfilments.recorder.max_tracking_id(name) or 0 for name in LEADERS}
    found = find_sagas(orderwright, sample, lambda done, whole: look(DeployStage.FINDING, done, whole))
    wanted = (*found.open, *found.sample)
    check = _Check(orderwright, heard)
    for number, saga in enumerate(read_sagas(orderwright, wanted), start=1):
        check.look_at(saga)
        look(DeployStage.REPLAYING, number, len(wanted))
    return DeployReport(
        is_same=not check.differing,
        seconds=round(time.monotonic() - began, 3),
        open=len(found.open),
        ended=found.ended,
        sampled=len(found.sample),
        ways=found.ways,
        decisions=check.decisions,
        differences_found=check.differing,
        differences=tuple(check.differences),
        not_replayed=tuple(check.not_replayed()),
    )


@dataclass
class _Unknown:
    decisions: int = 0
    orders: list[str] = field(default_factory=list)


class _Check:
    """What was found so far."""

    def __init__(self, orderwright: Orderwright, heard: dict[str, int]) -> None:
        self._orderwright = orderwright
        self._heard = heard
        self._realigned = _realigned(orderwright)
        self._stage = Stage()
        self._unknown: dict[Why, _Unknown] = {}
        self.decisions = 0
        self.differing = 0
        self.differences: list[Difference] = []

    def look_at(self, saga: RecordedSaga | UnreadableEvent) -> None:
        """Replay one more."""
        if isinstance(saga, UnreadableEvent):
            self._note(Why.UNREADABLE, self._conversation(saga))
            return
        replay = Replay(self._stage, saga, self._orderwright.fulfilments.mapper)
        replay.run(lambda name, news: self._was_heard(saga.order_id, name, news))
        self.decisions += replay.decisions
        for why in replay.unknown:
            self._note(why, str(saga.order_id))
        payments = SIDE[PROCESS_PAYMENT].application
        deviation = replay.deviation or next(tried_otherwise(payments, saga.told[payments]), None)
        if deviation is not None and self._is_before_realigning(deviation):
            self._note(Why.REALIGNED, str(saga.order_id))
        elif deviation is not None:
            self.differing += 1
            if len(self.differences) < MAX_DIFFERENCES:
                self.differences.append(self._difference(saga.order_id, deviation))

    def not_replayed(self) -> Iterator[NotReplayed]:
        """What could not be judged."""
        for why, unknown in sorted(self._unknown.items()):
            yield NotReplayed(why, unknown.decisions, tuple(unknown.orders))

    def _note(self, why: Why, order: str) -> None:
        unknown = self._unknown.setdefault(why, _Unknown())
        unknown.decisions += 1
        if order not in unknown.orders and len(unknown.orders) < MAX_EXAMPLES:
            unknown.orders.append(order)

    def _conversation(self, damage: UnreadableEvent) -> str:
        """The order of a saga that cannot be read, as far as the row says; else its stream."""
        fulfilments = self._orderwright.fulfilments
        stored = fulfilments.recorder.select_stream(damage.stream_id, damage.version, damage.version)
        order = facts_of(stored[0], fulfilments.mapper).correlation_id if stored else None
        return order or str(damage.stream_id)

    def _was_heard(self, order_id: UUID, name: str, news: Any) -> bool:
        position = self._position(name, news)
        if position is None or position > self._heard[name]:
            return False
        put_aside = events_of_lot(self._orderwright, FULFILMENTS, order_id)
        return not any(
            event.payload is None or (event.payload["leader"], event.payload["position"]) == (name, position)
            for event in put_aside
        )

    def _is_before_realigning(self, deviation: Deviation) -> bool:
        """Whether what was decided about may have been lost and recorded anew, perhaps as something else."""
        return self._realigned is not None and deviation.at.timestamp <= self._realigned

    def _difference(self, order_id: UUID, deviation: Deviation) -> Difference:
        at = deviation.at
        error = deviation.error
        return Difference(
            order_id=str(order_id),
            application=deviation.application,
            stream_id=str(at.originator_id),
            version=at.originator_version,
            position=self._position(deviation.application, at),
            recorded_at=at.timestamp,
            because=deviation.because,
            recorded=tuple(map(_decided, deviation.recorded)),
            present=tuple(map(_decided, deviation.present)),
            error=None if error is None else f"{type(error).__name__}: {error}",
        )

    def _position(self, name: str, event: Any) -> int | None:
        version = event.originator_version
        stored = self._orderwright.applications[name].recorder.select_stream(
            event.originator_id, version, version
        )
        return stored[0].id if stored else None


def _decided(event: Any) -> Decided:
    facts = {name: to_json(value) for name, value in vars(event).items() if name not in METADATA}
    return Decided(event.TOPIC, facts)


def _realigned(orderwright: Orderwright) -> datetime | None:
    """When one of the logs was realigned last. (A store of an early release does not know that.)"""
    try:
        times = [
            datetime.fromisoformat(done.at)
            for name in (*LEADERS, FULFILMENTS)
            for done in orderwright.applications[name].recorder.realignments()
        ]
    except PersistenceError as error:
        if is_missing_table(error):
            return None
        raise
    return max(times, default=None)
