"""A rehearsal: the present code runs over a sample of what the store holds, before anything is touched."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from system.bootstrap import Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.followers.derived import Derivation, Underivable, events_of
from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.followers.parked import error_text
from system.followers.projection import Projection

from .forecasting import Forecast, forecast
from .sampling import EventKind, Sample, take_sample, version_of

ORDERS = 200
"""So many orders, or products, are run through as a whole unless somebody says otherwise."""
LONGEST_RUN = 5000
"""So many events of one order or product are run through at most, from the first on."""
FAILURES_NAMED = 20
"""So many events are named of each group of failures."""

READING, RUNNING = "Reading", "Rehearsing"
Progress = Callable[[str, int, int], object]
"""Told the stage, and how much of it is done: positions of the logs, or orders."""


@dataclass(frozen=True)
class KindTried:
    """Events that are stored alike, and how many of them were tried, and failed."""

    leader: str
    type: str
    version: int
    stored: int
    tried: int
    failed: int


@dataclass(frozen=True)
class FailedEvent:
    """An event that the present code cannot handle; `about` is its order, or product, if that is told."""

    position: int
    about: str | None


@dataclass(frozen=True)
class FailureGroup:
    """Events of one kind that fail in the same way: `failed` of `tried`, of which the first are named."""

    leader: str
    type: str
    version: int
    error: str
    failed: int
    tried: int
    events: tuple[FailedEvent, ...]


@dataclass(frozen=True)
class Rehearsal:
    """What a rebuild would come to. `seed` repeats the same sample on the same store."""

    projection: str
    seed: int
    events: int
    kinds: tuple[KindTried, ...]
    orders: int
    tried: int
    failures: tuple[FailureGroup, ...]
    forecast: Forecast

    @property
    def would_fail(self) -> bool:
        """Whether something would fail."""
        return bool(self.failures) or not self.forecast.has_room


class _Trial:
    """Runs events, and counts what comes of each kind."""

    def __init__(self, projection_class: type[Projection], leaders: Mapping[str, Follower]) -> None:
        self._leaders = leaders
        self.derivation = Derivation(projection_class)
        self._tried: dict[EventKind, set[int]] = {}
        self._failed: dict[tuple[EventKind, str], list[FailedEvent]] = {}

    def run(self, key: str, heads: Mapping[str, int]) -> None:
        """Run through the events of an order, or product."""
        self.derivation.forget()
        left = LONGEST_RUN
        try:
            for leader, entries in events_of(self.derivation.projection, self._leaders, key, heads):
                self.take(leader, entries[:left])
                left -= len(entries)
                if left <= 0:
                    return
        except ValueError:  # what is told of the order names none
            return

    def take(self, leader: str, entries: Iterable[Entry]) -> None:
        """Run through some events that were not tried yet."""
        wanted = []
        for entry in entries:
            if self.derivation.projection.concerns(entry.topic):
                kind = EventKind(leader, entry.topic, version_of(entry))
                known = self._tried.setdefault(kind, set())
                if entry.position not in known:
                    known.add(entry.position)
                    wanted.append(entry)
        for failed in self.derivation.take_what_can_be(leader, wanted):
            self._note(failed)

    def _note(self, failed: Underivable) -> None:
        entry = failed.entry
        kind = EventKind(failed.leader, entry.topic, version_of(entry))
        about = self.derivation.projection.subject.of(failed.leader, entry)
        found = self._failed.setdefault((kind, _general(failed, about)), [])
        found.append(FailedEvent(entry.position, about))

    def counts(self, kind: EventKind) -> tuple[int, int]:
        """How many of a kind were tried, and failed."""
        failed = sum(len(found) for (other, _), found in self._failed.items() if other == kind)
        return len(self._tried.get(kind, ())), failed

    @property
    def tried(self) -> int:
        """How many events were tried."""
        return sum(len(positions) for positions in self._tried.values())

    def failures(self) -> Iterator[FailureGroup]:
        """What failed, grouped; the most frequent first."""
        for (kind, error), found in sorted(self._failed.items(), key=lambda one: -len(one[1])):
            named = tuple(sorted(found, key=lambda event: event.position)[:FAILURES_NAMED])
            yield FailureGroup(*kind, error, len(found), len(self._tried[kind]), named)


def rehearse(
    orderwright: Orderwright,
    projection: Projection,
    orders: int = ORDERS,
    seed: int | None = None,
    progress: Progress = lambda *_: None,
) -> Rehearsal:
    """Run the present code over every kind of event that the store holds for a read model, and over every
    event of so many orders (or products) by chance. The store is only read.

    Of each topic and stored version of its class the first event is tried, the last, and some by chance,
    each among the other events of its order.
    """
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    collect_garbage_less_often()  # as in the audit
    leaders = {leader.name: leader for leader in orderwright.leaders_of(projection.name)}
    trial = _Trial(type(projection), leaders)
    try:
        sample = take_sample(
            leaders,
            lambda entry: projection.concerns(entry.topic),
            orders,
            random.Random(seed),
            lambda done, whole: progress(READING, done, whole),
        )
        keys = _keys(projection, sample)
        for number, key in enumerate(keys, 1):
            trial.run(key, sample.heads)
            progress(RUNNING, number, len(keys))
        for kind, some in sample.kinds.items():  # those that no order has led to
            trial.take(kind.leader, some.entries)
    finally:
        trial.derivation.close()
    return Rehearsal(
        projection=projection.name,
        seed=seed,
        events=sum(sample.events.values()),
        kinds=tuple(
            KindTried(*kind, some.others.seen, *trial.counts(kind))
            for kind, some in sorted(sample.kinds.items())
        ),
        orders=len(keys),
        tried=trial.tried,
        failures=tuple(trial.failures()),
        forecast=forecast(orderwright, projection, leaders, sample.heads),
    )


def _keys(projection: Projection, sample: Sample) -> list[str]:
    """The orders of all events in the sample, each once."""
    events = [
        *((kind.leader, entry) for kind, some in sample.kinds.items() for entry in some.entries),
        *sample.openings.kept,
    ]
    return list(dict.fromkeys(key for where in events if (key := projection.subject.of(*where)) is not None))


def _general(failed: Underivable, about: str | None) -> str:
    """An error without what is said of one event alone, so that the same error of many is one group."""
    text = getattr(failed.error, "why", None) or error_text(failed.error)
    return text.replace(about, "...") if about else text
