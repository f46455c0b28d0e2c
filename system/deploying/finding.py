"""Which sagas are replayed: every open one, and of the ended ones a sample.

Read from the log itself, not from a read model, which may lag. Of the ended sagas are taken those with the
smallest ids, which is as good as by chance, since ids are derived, and the same ones each time; and one of
every way that a saga has gone, since what is rare is where a changed rule shows. (One that went on after it
had ended has gone two.)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappush, heappushpop
from uuid import UUID
from zlib import crc32

from domain.fulfilment import Fulfilment, SagaStatus
from system.bootstrap import Orderwright

PAGE = 2000
MAX_WAYS = 1000

_ENDS = (SagaStatus.COMPLETED, SagaStatus.FAILED)
_TOPICS = frozenset(Fulfilment.EVENTS)
_ENDINGS = frozenset(topic for topic, fact in Fulfilment.EVENTS.items() if fact.means.saga in _ENDS)  # type: ignore[attr-defined]  # each fact has a meaning

Look = Callable[[int, int], object]
"""Told how much is done, of how much."""


@dataclass(frozen=True)
class FoundSagas:
    """The streams of the sagas to be replayed, how many ended ones there are, and how many ways they went."""

    open: tuple[UUID, ...]
    sample: tuple[UUID, ...]
    ended: int
    ways: int


def find_sagas(orderwright: Orderwright, sample: int, look: Look) -> FoundSagas:
    """The open sagas, and so many ended ones; of those also one of each way. None with a sample of 0."""
    under_way: dict[UUID, int] = {}
    ended = _Ended(sample)
    for stream_id, topic in _facts(orderwright, look):
        if stream_id not in under_way and topic != Fulfilment.Started.TOPIC:
            ended.count -= 1  # a confirmed order was cancelled: its saga goes on
        way = crc32(topic.encode(), under_way.pop(stream_id, 0))
        if topic in _ENDINGS:
            ended.add(stream_id, way)
        else:
            under_way[stream_id] = way
    chosen = ended.chosen() - under_way.keys()
    return FoundSagas(tuple(under_way), tuple(sorted(chosen)), max(ended.count, 0), len(ended.of_way))


class _Ended:
    """The ended sagas so far. Keeps no more of them than are wanted."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._smallest: list[int] = []  # negative, so that the largest of them is the first to go
        self.of_way: dict[int, UUID] = {}
        self.count = 0

    def add(self, stream_id: UUID, way: int) -> None:
        """One more, which went this way."""
        self.count += 1
        if len(self._smallest) < self._wanted:
            heappush(self._smallest, -stream_id.int)
        elif self._wanted:
            heappushpop(self._smallest, -stream_id.int)
        known = self.of_way.get(way)
        if (known is None and len(self.of_way) < MAX_WAYS) or (known is not None and stream_id < known):
            self.of_way[way] = stream_id

    def chosen(self) -> set[UUID]:
        """Those to be replayed."""
        smallest = {UUID(int=-number) for number in self._smallest}
        return smallest.union(self.of_way.values()) if self._wanted else smallest


def _facts(orderwright: Orderwright, look: Look) -> Iterator[tuple[UUID, str]]:
    """The stream and the topic of every fact of a saga, up to where the log ends now."""
    store = orderwright.fulfilments.recorder
    head, position = store.max_notification_id() or 0, 0
    while position < head:
        rows = store.select_log(position, PAGE)
        if not rows:
            break
        yield from ((row[0], row[2]) for row in rows if row[2] in _TOPICS and row[4] <= head)
        position = rows[-1][4]
        look(min(position, head), head)
