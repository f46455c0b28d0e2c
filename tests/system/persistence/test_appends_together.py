"""Appends of several threads that go together: each is told of its own positions, and fails by itself."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import DataError, IntegrityError, OperationalError, StoredEvent, Tracking

from system.persistence.postgres import appends
from system.persistence.postgres.recorder import TunedRecorder
from tests.support.fixtures import Environment, OpenWay
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand

BOUNDED = PATIENCE_SECONDS


class Crowd:
    """Threads that append while one append is on its way, and so go together after it."""

    def __init__(self, recorder: TunedRecorder) -> None:
        self.recorder = recorder
        self.sizes: list[int] = []
        """How many events were sent at once."""
        self.trouble: Callable[[Sequence[StoredEvent]], object] = lambda _: None
        self._appends, self._send = recorder._appends, recorder._appends._send
        self._appends._send = self._sends  # the real one, with a gate before it
        self._way_is_free = threading.Event()
        self._pool = ThreadPoolExecutor(16)
        self._first = self._pool.submit(recorder.insert_events, events_of(uuid4()))
        wait_until(lambda: self.sizes == [1], what="the first is on its way")

    def append(self, events: Sequence[StoredEvent]) -> "Future[Any]":
        """Append behind those who wait."""
        waiting = len(self._appends._waiting)
        asked = self._pool.submit(self.recorder.insert_events, events)
        wait_until(lambda: len(self._appends._waiting) > waiting)
        return asked

    def goes(self) -> None:
        """The first is answered, and the way is free."""
        self._way_is_free.set()
        self._first.result(BOUNDED)

    def close(self) -> None:
        """Everybody goes home."""
        self._way_is_free.set()
        self._pool.shutdown()

    def _sends(self, events: Sequence[StoredEvent]) -> Sequence[int]:
        self.sizes.append(len(events))
        if len(self.sizes) == 1:
            assert self._way_is_free.wait(BOUNDED)
        self.trouble(events)
        return self._send(events)


def events_of(stream: UUID, number: int = 1) -> list[StoredEvent]:
    """The first events of a stream."""
    return [StoredEvent(stream, 1 + each, "Order.Created", b"{}") for each in range(number)]


def places(recorder: TunedRecorder, stream: UUID) -> list[int]:
    """Where the events of a stream stand in the log."""
    return [found.id for found in recorder.select_stream(stream)]


@pytest.fixture
def crowd(tuned_postgres: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    """One append is on its way. However slow the machine is, nobody loses his patience."""
    for name in ("OVERTAKEN_AFTER_SECONDS", "PATIENCE_SECONDS", "TAKEN_ALONG_FOR_SECONDS"):
        monkeypatch.setattr(appends, name, BOUNDED)
    crowd = Crowd(open_way(ByHand, tuned_postgres).orderwright.orders.recorder)  # type: ignore[arg-type]
    yield crowd
    crowd.close()


def test_they_are_sent_at_once_and_each_is_told_of_its_own_positions(crowd: Crowd) -> None:
    streams = {uuid4(): number for number in (3, 1, 2)}
    asked = {stream: crowd.append(events_of(stream, number)) for stream, number in streams.items()}
    crowd.goes()
    for stream, number in streams.items():
        assert list(asked[stream].result(BOUNDED)) == places(crowd.recorder, stream)
        assert len(places(crowd.recorder, stream)) == number
    assert crowd.sizes == [1, 6]


@pytest.mark.parametrize("place", [0, 1, 3])
def test_one_that_meets_a_conflict_fails_alone(crowd: Crowd, place: int) -> None:
    taken, *streams = [uuid4() for _ in range(4)]
    crowd.recorder.insert_events(events_of(taken), tracking=Tracking("Elsewhere", 1))  # it goes by itself
    streams.insert(place, taken)
    asked = [crowd.append(events_of(stream, 2)) for stream in streams]
    crowd.goes()
    assert isinstance(asked[place].exception(BOUNDED), IntegrityError)
    assert len(places(crowd.recorder, taken)) == 1
    for number, stream in enumerate(streams):
        if number != place:
            assert list(asked[number].result(BOUNDED)) == places(crowd.recorder, stream)
    assert crowd.sizes == [1, 8, 2, 2, 2, 2], "together, and then each by itself"


@pytest.mark.parametrize("fault", [OperationalError, DataError])
def test_what_fails_for_another_reason_fails_for_all_and_nothing_is_sent_again(
    crowd: Crowd, fault: type[Exception]
) -> None:
    """Whether it was stored is unknown: sent a second time it might be there twice."""
    asked = [crowd.append(events_of(uuid4())) for _ in range(3)]
    errors = [fault("no answer")]

    def fails(events: Sequence[StoredEvent]) -> None:
        if len(events) == 3:
            raise errors.pop()

    crowd.trouble = fails
    crowd.goes()
    assert [type(each.exception(BOUNDED)) for each in asked] == [fault] * 3
    assert crowd.sizes == [1, 3]
    late = uuid4()
    assert list(crowd.recorder.insert_events(events_of(late))) == places(crowd.recorder, late), "all is well"


def test_a_large_crowd_goes_in_groups_and_a_large_append_by_itself(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "MOST_EVENTS", 3)
    asked = [crowd.append(events_of(uuid4(), number)) for number in (5, 2, 1, 1, 2, 4)]
    crowd.goes()
    assert [len(each.result(BOUNDED)) for each in asked] == [5, 2, 1, 1, 2, 4]
    assert crowd.sizes == [1, 5, 3, 3, 4]


def test_who_has_waited_enough_sends_its_own_first_however_many_wait_before_it(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "MOST_EVENTS", 1)
    streams = [uuid4() for _ in range(3)]
    asked = [crowd.append(events_of(stream)) for stream in streams]
    monkeypatch.setattr(appends, "OVERTAKEN_AFTER_SECONDS", 0.0)
    together = crowd.recorder._appends
    with together._mutex:
        together._ring(together._waiting[-1])  # the last looks up, and nobody else
    assert list(asked[-1].result(BOUNDED)) == places(crowd.recorder, streams[-1]) == [1]
    for stream, each in zip(streams, asked, strict=True):
        assert list(each.result(BOUNDED)) == places(crowd.recorder, stream)
    crowd.goes()
