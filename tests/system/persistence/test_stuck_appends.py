"""Appends of one process beside one that is not answered: they go on, and nothing is sent twice."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from system.persistence.postgres import answers, appends
from system.persistence.postgres.appends import Appends
from tests.support.fixtures import Environment
from tests.support.network import Network
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

Append = Callable[..., Future[Any]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender is overtaken soon, and waited for not much longer."""
    monkeypatch.setattr(appends, "OVERTAKEN_AFTER_SECONDS", 0.2, raising=False)
    monkeypatch.setattr(appends, "TAKEN_ALONG_FOR_SECONDS", 0.5, raising=False)


class Server:
    """Takes events. Some streams get no answer until a test says so, or are refused."""

    def __init__(self) -> None:
        self.sent: list[UUID] = []
        self.silent: dict[UUID, threading.Event] = {}
        self.refuses: set[UUID] = set()
        self._lock = threading.Lock()

    def send(self, events: Sequence[StoredEvent]) -> Sequence[int]:
        streams = [UUID(str(event.originator_id)) for event in events]
        with self._lock:
            if self.refuses & set(streams):
                raise IntegrityError("taken")
            first = len(self.sent)
            self.sent += streams
        for stream in streams:
            if stream in self.silent:
                assert self.silent[stream].wait(PATIENCE_SECONDS)
                raise OperationalError("no answer")
        return range(first + 1, first + 1 + len(events))

    def was_sent(self, stream: UUID) -> bool:
        """Whether anything was sent to a stream."""
        return stream in self.sent

    def is_silent_on(self, stream: UUID) -> threading.Event:
        """Do not answer what is appended to a stream, until this is set."""
        return self.silent.setdefault(stream, threading.Event())


@pytest.fixture
def server() -> Iterator[Server]:
    """What the appends are sent to."""
    server = Server()
    yield server
    for silence in server.silent.values():
        silence.set()


@pytest.fixture
def append(server: Server) -> Iterator[Append]:
    """Appends an event to a stream, in a thread of its own."""
    pool = ThreadPoolExecutor(32)
    together = Appends(server.send)

    def start(stream: UUID) -> Future[Any]:
        return pool.submit(together.append, [StoredEvent(stream, 1, "topic", b"{}")])

    yield start
    pool.shutdown(wait=False)


def test_those_behind_a_sender_that_is_not_answered_go_on(server: Server, append: Append) -> None:
    stuck = uuid4()
    silence = server.is_silent_on(stuck)
    first = append(stuck)
    wait_until(lambda: server.sent == [stuck])

    later = [append(uuid4()) for _ in range(5)]
    assert {len(each.result(PATIENCE_SECONDS)) for each in later} == {1}
    assert not first.done()
    assert append(uuid4()).result(PATIENCE_SECONDS), "the way stays free"

    silence.set()
    with pytest.raises(OperationalError, match="no answer"):
        first.result(PATIENCE_SECONDS)
    assert append(uuid4()).result(PATIENCE_SECONDS)
    assert set(Counter(server.sent).values()) == {1}, "nothing is sent twice"


def test_where_nothing_is_answered_nobody_waits_for_ever_and_what_was_not_sent_is_told(
    server: Server, append: Append
) -> None:
    streams = [uuid4() for _ in range(6)]
    for stream in streams:
        server.is_silent_on(stream)
    waiting = []
    for stream in streams[:3]:
        waiting.append(append(stream))
        wait_until(partial(server.was_sent, stream), what="it is sent over a way of its own")

    refused = append(streams[3])
    with pytest.raises(OperationalError, match="nothing was sent"):
        refused.result(PATIENCE_SECONDS)
    assert streams[3] not in server.sent
    for silence in server.silent.values():
        silence.set()
    for each in waiting:
        with pytest.raises(OperationalError, match="no answer"):
            each.result(PATIENCE_SECONDS)
    assert append(uuid4()).result(PATIENCE_SECONDS), "and then all is well"


def test_what_was_taken_along_by_one_that_is_not_answered_is_unknown(server: Server, append: Append) -> None:
    stuck, companion = uuid4(), uuid4()
    began, goes_on = uuid4(), server.is_silent_on(stuck)
    first_silence = server.is_silent_on(began)
    first = append(began)
    wait_until(lambda: server.sent == [began])
    group = [append(stuck), append(companion)]
    first_silence.set()
    with pytest.raises(OperationalError):
        first.result(PATIENCE_SECONDS)
    wait_until(lambda: set(server.sent) >= {stuck, companion})
    for each in group:
        with pytest.raises((OperationalError, NotYet)):
            each.result(1.5)
    goes_on.set()
    wait_until(lambda: all(each.done() for each in group))
    assert set(Counter(server.sent).values()) == {1}


def test_after_a_conflict_one_that_is_not_answered_keeps_the_others_from_waiting_as_long_each(
    server: Server, append: Append
) -> None:
    began, taken, others = uuid4(), uuid4(), [uuid4() for _ in range(3)]
    server.refuses.add(taken)
    first_silence = server.is_silent_on(began)
    first = append(began)
    wait_until(lambda: server.sent == [began])
    for each in others:
        server.is_silent_on(each).set()  # an error, at once
    group = [append(each) for each in (taken, *others)]
    first_silence.set()
    errors = {type(each.exception(PATIENCE_SECONDS)) for each in (first, *group)}
    assert errors == {OperationalError, IntegrityError}
    assert max(Counter(server.sent).values()) == 1


def test_under_a_crowd_every_append_is_sent_once_whatever_is_silent(server: Server, append: Append) -> None:
    streams = [uuid4() for _ in range(300)]
    for stream in streams[::60]:
        server.is_silent_on(stream)
    running = [append(stream) for stream in streams]
    wait_until(lambda: len([each for each in running if each.done()]) >= 200, what="the others go on")
    for silence in server.silent.values():
        silence.set()
    outcomes = [each.exception(PATIENCE_SECONDS) for each in running]
    assert set(Counter(server.sent).values()) == {1}
    for stream, error in zip(streams, outcomes, strict=True):
        assert error is None or isinstance(error, OperationalError)
        assert error is not None or stream in server.sent
        assert stream in server.sent or "nothing was sent" in str(error)


def test_on_a_real_server_orders_go_on_beside_one_whose_reply_is_lost(
    tuned_postgres: Environment,
    postgres: PrivatePostgres,
    open_way: Callable[..., Way],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers.PoliteConnection, "within", (5.0, 5.0, None))
    with Network(postgres) as network, ThreadPoolExecutor(8) as pool:
        behind = tuned_postgres | network.environment(tuned_postgres["POSTGRES_DBNAME"])
        shop = Shop(open_way(ByHand, behind))
        network.lose_reply_to(b"Order.Created")
        unlucky = pool.submit(shop.order, "CD-X1", customer="unlucky")
        wait_until(lambda: network.lost == 1)
        network.lose_reply_to(None)

        others = [pool.submit(shop.order, "CD-X1") for _ in range(6)]
        for each in others:
            each.result(PATIENCE_SECONDS)
        assert not unlucky.done(), "they did not wait for it"
        with pytest.raises(OperationalError):
            unlucky.result(PATIENCE_SECONDS)
        assert len(shop.orderwright.orders.recorder.select_notifications(1, 20)) == 7
        shop.way.close()
