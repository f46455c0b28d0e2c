"""The log of every store: positions rise in the order of commits, and no reader skips one."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import ProcessRecorder, StoredEvent

from system.definition import Orders
from system.persistence.recorders import PostgresRecorder
from tests.support.fixtures import Environment

from .conftest import Open

WRITERS, APPENDS = 16, 12


def event(stream: UUID, version: int) -> StoredEvent:
    """An event to be stored; no store looks into it."""
    return StoredEvent(stream, version, "Something.Happened", b"{}")


def positions(recorder: ProcessRecorder, after: int = 0) -> list[int]:
    """The positions that a reader sees after one."""
    return [one.id for one in recorder.select_notifications(after, 10_000, inclusive_of_start=False)]


def test_it_is_read_in_pages_from_a_position(recorder: ProcessRecorder) -> None:
    streams = [uuid4() for _ in range(10)]
    for stream in streams:
        recorder.insert_events([event(stream, 1), event(stream, 2)])

    read, start = [], 0
    while page := recorder.select_notifications(start, 7, inclusive_of_start=False):
        assert len(page) <= 7
        read += [(one.originator_id, one.originator_version) for one in page]
        start = page[-1].id
    assert read == [(stream, version) for stream in streams for version in (1, 2)]
    assert start == recorder.max_notification_id()


def test_it_can_be_read_including_the_start_and_up_to_a_stop(recorder: ProcessRecorder) -> None:
    recorder.insert_events([event(UUID(int=1), version) for version in range(1, 6)])
    assert [one.id for one in recorder.select_notifications(2, 10)] == [2, 3, 4, 5]
    assert [one.id for one in recorder.select_notifications(2, 10, stop=3)] == [2, 3]
    assert [one.id for one in recorder.select_notifications(None, 2)] == [1, 2]


def test_an_empty_log_has_no_end(recorder: ProcessRecorder) -> None:
    assert not recorder.max_notification_id()
    assert positions(recorder) == []


def slowly(
    recorder: Any, monkeypatch: pytest.MonkeyPatch, dawdle: Callable[[list[StoredEvent]], Any]
) -> None:
    """Have a durable store's writers do something between their insert and their commit."""
    last = "_fetch_ids_after_insert_events" if isinstance(recorder, PostgresRecorder) else "_insert_events"
    insert = getattr(recorder, last)

    def dawdling(cursor: Any, events: Any, **kwargs: Any) -> Any:
        inserted = insert(cursor, events, **kwargs)
        dawdle(events)
        return inserted

    monkeypatch.setattr(recorder, last, dawdling)


def test_sixteen_writers_at_once_and_a_reader_misses_nothing(
    recorder: ProcessRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lots = random.Random(7)
    if hasattr(recorder, "datastore"):
        # A pause before the commit, which is when a later writer could overtake.
        slowly(recorder, monkeypatch, lambda _: time.sleep(lots.random() * 0.004))
    done, seen = threading.Event(), list[int]()

    def follow() -> None:
        while True:
            was_done = done.is_set()
            new = positions(recorder, seen[-1] if seen else 0)
            seen.extend(new)
            if was_done and not new:
                return

    def write(_: int) -> None:
        stream = uuid4()
        for version in range(1, APPENDS + 1):
            recorder.insert_events([event(stream, version)])

    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(WRITERS)))
    done.set()
    reader.join(30)

    assert seen == sorted(seen)
    assert seen == positions(recorder)
    assert len(seen) == WRITERS * APPENDS


def test_while_a_writer_has_not_committed_no_later_one_can_be_seen(
    durable_persistence: Environment, open_application: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick, reader = (open_application(Orders, durable_persistence).recorder for _ in range(3))
    slow_stream, quick_stream = uuid4(), uuid4()
    has_inserted, may_commit = threading.Event(), threading.Event()

    def hesitate(_: list[StoredEvent]) -> None:
        has_inserted.set()
        assert may_commit.wait(20)

    slowly(slow, monkeypatch, hesitate)
    with ThreadPoolExecutor() as writers:
        writing_slowly = writers.submit(slow.insert_events, [event(slow_stream, 1)])
        assert has_inserted.wait(20)
        writing_quickly = writers.submit(quick.insert_events, [event(quick_stream, 1)])
        # Had a reader seen the quick one's position, it would never look back for the slow one's.
        looks = [positions(reader) for _ in range(50)]
        may_commit.set()
        writing_slowly.result(20)
        writing_quickly.result(20)

    assert [seen for seen in looks if seen] == []
    log = reader.select_notifications(0, 10, inclusive_of_start=False)
    assert [one.originator_id for one in log] == [slow_stream, quick_stream]
