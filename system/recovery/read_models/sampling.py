"""Finds what a store holds for a read model: every kind of event, some events of each, and some orders.

One pass over the logs, of which no event is decoded unless it is encrypted or compressed.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar, cast

from eventsourcing.persistence import StoredEvent

from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.persistence.search import facts_of

PAGE = 2000
RANDOM_OF_A_KIND = 8
"""So many events of each kind are taken by chance, beside the first and the last."""

T = TypeVar("T")
Progress = Callable[[int, int], object]
"""Told how many positions of all logs are read, of how many."""


class EventKind(NamedTuple):
    """Events that are stored alike: what leader records, under which topic, in which version of its class."""

    leader: str
    type: str
    version: int


class Reservoir(Generic[T]):
    """A random sample of what is shown to it, each with the same chance."""

    def __init__(self, size: int, chance: random.Random) -> None:
        self._size = size
        self._chance = chance
        self.seen = 0
        self.kept: list[T] = []

    def show(self, one: T) -> None:
        """Perhaps keep it."""
        self.seen += 1
        if len(self.kept) < self._size:
            self.kept.append(one)
        elif (place := self._chance.randrange(self.seen)) < self._size:
            self.kept[place] = one


@dataclass
class KindSample:
    """Some events of a kind: the first, the last, and others by chance."""

    first: Entry
    last: Entry
    others: Reservoir[Entry]

    @property
    def entries(self) -> list[Entry]:
        """Each of them once, by position."""
        by_position = {entry.position: entry for entry in (self.first, self.last, *self.others.kept)}
        return [by_position[position] for position in sorted(by_position)]


@dataclass
class Sample:
    """What a pass over the logs has found. `openings` are first events of streams of the first leader, by
    chance; `events` is how many events each log has up to its head."""

    heads: Mapping[str, int]
    openings: Reservoir[tuple[str, Entry]]
    kinds: dict[EventKind, KindSample] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)


def take_sample(
    leaders: Mapping[str, Follower],
    concerns: Callable[[Entry], bool],
    orders: int,
    chance: random.Random,
    progress: Progress,
) -> Sample:
    """Read the logs up to where they end now, and keep some of what concerns a read model."""
    heads = {name: leader.recorder.max_notification_id() or 0 for name, leader in leaders.items()}
    sample = Sample(heads, Reservoir(orders, chance))
    done, whole = 0, sum(heads.values())
    for name, leader in leaders.items():
        sample.events[name] = 0
        for page in pages(leader, heads[name]):
            sample.events[name] += len(page)
            for entry in page:
                if concerns(entry):
                    _keep(sample, name, entry, chance)
            progress(done + page[-1].position, whole)
        done += heads[name]
    return sample


def pages(leader: Follower, head: int, after: int = 0) -> Iterator[list[Entry]]:
    """A log between two positions."""
    while after < head:
        rows = [row for row in leader.recorder.select_log(after, PAGE) if row[-1] <= head]
        if not rows:
            return
        yield [Entry(row, leader.mapper) for row in rows]
        after = rows[-1][-1]


def _keep(sample: Sample, leader: str, entry: Entry, chance: random.Random) -> None:
    kind = EventKind(leader, entry.topic, version_of(entry))
    known = sample.kinds.get(kind)
    if known is None:
        known = sample.kinds[kind] = KindSample(entry, entry, Reservoir(RANDOM_OF_A_KIND, chance))
    known.last = entry
    known.others.show(entry)
    if entry.originator_version == 1 and leader == next(iter(sample.heads)):
        sample.openings.show((leader, entry))


def version_of(entry: Entry) -> int:
    """The version of its class with which an event is stored; 0 where it cannot be read."""
    if entry.mapper.cipher is None and entry.mapper.compressor is None:
        state = bytes(entry.state)
        told = _AT_THE_END.search(state)
        if told is not None:
            return int(told[1])
        if _NAME not in state:
            return 1
    version: Any = facts_of(cast(StoredEvent, entry), entry.mapper).values.get("class_version", 1)
    return version if type(version) is int else 0


_NAME = b'"class_version"'
_AT_THE_END = re.compile(rb'[^\\]"class_version":([0-9]{1,9})\}$')  # where it is written since it is written
