"""The part of a log that is kept for the followers of a process: whoever reads it misses nothing, whatever
others read before, and what is kept is not asked for again."""

import random
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from system.followers import event_log as kept
from system.followers.event_log import Entry, EventLog
from system.followers.marks import Mark
from system.persistence.agreement import LogDisagrees
from tests.support.fixtures import Environment, OpenWay
from tests.support.logs import sqlite_file
from tests.support.ways import ByHand


class ReadLog(EventLog):
    """The log of the orders, and how often the store was asked for a page of it."""

    def __init__(self, orders: Any) -> None:
        super().__init__(orders)
        self.asked: list[int] = []

    def _read(self, after: int, limit: int, mark: Mark | None) -> list[Entry]:
        self.asked.append(after)
        return super()._read(after, limit, mark)

    def positions(self, after: int, limit: int = 100) -> list[int]:
        """The positions on a page."""
        return [entry.position for entry in self.page(after, limit)[0]]


@pytest.fixture
def orders(in_memory: Environment, open_way: OpenWay) -> Any:
    """Orders, as a leader whose log a test fills."""
    return open_way(ByHand, in_memory).orderwright.orders


@pytest.fixture
def log(orders: Any) -> ReadLog:
    """A log of ten events."""
    append(orders, 10)
    return ReadLog(orders)


def append(orders: Any, events: int) -> None:
    """Some more events, each of a stream of its own."""
    orders.recorder.insert_events([StoredEvent(uuid4(), 1, "Order.Created", b"{}") for _ in range(events)])


def put_another_in_its_place(orders: Any, position: int) -> None:
    """The log has another event at a position now."""
    orders.recorder._stored_events[position - 1] = StoredEvent(UUID(int=1), 1, "Order.Created", b"{}")


def test_after_somebody_has_jumped_ahead_nobody_is_led_past_what_lies_between(log: ReadLog) -> None:
    assert log.positions(0, 2) == [1, 2]
    assert log.positions(7, 2) == [8, 9], "a follower begins far ahead"
    assert log.positions(2, 3) == [3, 4, 5]
    assert log.positions(5, 3) == [6, 7, 8]


def test_followers_that_keep_step_read_each_page_once(log: ReadLog) -> None:
    for after in (0, 3, 6, 9):
        pages = [log.positions(after, 3) for _ in range(3)]
        assert pages == [list(range(after + 1, min(after + 3, 10) + 1))] * 3
    assert log.asked[:4] == [0, 3, 6, 9]
    # Nobody knows without asking whether there is something behind the last page.
    assert [log.positions(10) for _ in range(2)] == [[], []]
    assert log.positions(3) == [4, 5, 6, 7, 8, 9, 10], "who is a little behind finds it as well"
    assert log.asked[4:] == [10, 10]


def test_who_finds_a_short_page_among_what_is_kept_looks_once_more(log: ReadLog, orders: Any) -> None:
    """What is kept ends where somebody has read to. The log may go on, and nobody rings for that."""
    log.positions(0, 10)
    append(orders, 2)
    page, has_more = log.page(8, 5)
    assert [entry.position for entry in page] == [9, 10]
    assert has_more
    assert log.positions(10) == [11, 12]


@pytest.mark.parametrize(("limit", "has_more"), [(9, True), (10, True), (11, False)])
def test_after_a_full_page_there_may_be_more(log: ReadLog, limit: int, has_more: bool) -> None:
    assert log.page(0, limit)[1] is has_more


def test_only_the_latest_part_is_kept(log: ReadLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_EVENTS", 4)
    log.positions(0, 7)
    assert [entry.position for entry in log._entries] == [4, 5, 6, 7]
    assert log.positions(3, 2) == [4, 5]
    assert log.asked == [0]
    assert log.positions(2, 2) == [3, 4], "it is read again"
    assert log.asked == [0, 2]


def test_what_is_kept_of_a_log_goes_when_another_event_stands_there(log: ReadLog, orders: Any) -> None:
    page, _ = log.page(0, 6)
    put_another_in_its_place(orders, 6)

    with pytest.raises(LogDisagrees):
        log.page(6, 2, page[-1].mark)
    assert log._entries == [], "it was read from a log that is not there any more"
    fresh, _ = log.page(0, 6)
    assert fresh[-1].originator_id == UUID(int=1)


def test_who_has_read_another_event_than_the_one_that_is_kept_is_told(log: ReadLog, orders: Any) -> None:
    """Somebody else has read the log anew meanwhile, and it is another one."""
    before, _ = log.page(0, 6)
    log.forget()
    put_another_in_its_place(orders, 4)
    log.positions(0, 6)
    with pytest.raises(LogDisagrees):
        log.page(4, 2, before[3].mark)


def test_what_is_kept_goes_when_somebody_has_read_the_event_that_stands_there_by_now(
    log: ReadLog, orders: Any
) -> None:
    """He read it in another process. What is kept here is of a log that is not there any more."""
    log.page(0, 8)
    put_another_in_its_place(orders, 6)
    elsewhere, _ = ReadLog(orders).page(0, 6)

    assert [entry.position for entry in log.page(6, 2, elsewhere[-1].mark)[0]] == [7, 8]
    fresh, _ = log.page(0, 6)
    assert fresh[-1].originator_id == UUID(int=1)


def test_a_position_where_no_event_stands_any_more_is_told_although_nothing_else_is_known_of_it(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    orders: Any = open_way(ByHand, on_sqlite).orderwright.orders
    append(orders, 10)
    with sqlite_file(on_sqlite, "Orders") as file:
        file.execute("DELETE FROM stored_events WHERE rowid = 6")
    log = ReadLog(orders)

    with pytest.raises(LogDisagrees):
        log.page(6, 2)
    assert log.positions(0, 8) == [1, 2, 3, 4, 5, 7, 8, 9]
    with pytest.raises(LogDisagrees):
        log.page(6, 2)


def test_who_has_read_further_than_the_log_goes_is_told(log: ReadLog) -> None:
    with pytest.raises(LogDisagrees):
        log.page(11, 5)


def test_whoever_reads_from_wherever_gets_what_the_store_has(
    orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_EVENTS", 5)
    chance, head = random.Random(7), 10
    append(orders, head)
    for _ in range(20):
        log = ReadLog(orders)
        for _ in range(60):
            if chance.random() < 0.2:
                head += (more := chance.randint(1, 4))
                append(orders, more)
            if chance.random() < 0.05:
                log.forget()
            after, limit = chance.randint(max(head - 12, 0), head), chance.randint(1, 6)
            page, has_more = log.page(after, limit)
            found = [entry.position for entry in page]
            # A page may end where somebody has read to, if it says so; else it is all there is.
            assert found == list(range(after + 1, after + 1 + len(found)))
            assert len(found) == min(limit, head - after) or (found and has_more)
