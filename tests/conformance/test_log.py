"""The log of every store: positions rise in the order of commits, and no reader skips one."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent, Tracking
from eventsourcing.postgres import PostgresProcessRecorder

from system.definition import Orders
from system.persistence.postgres.library_recorder import PostgresRecorder
from system.persistence.postgres.recorder import TunedRecorder
from system.persistence.sqlite.recorder import SqliteRecorder
from tests.support.fixtures import Environment
from tests.support.waiting import PATIENCE_SECONDS, wait_until

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


def slowly(recorder: Any, monkeypatch: pytest.MonkeyPatch, dawdle: Callable[[], Any]) -> None:
    """Have the writers of an SQLite file do something between their insert and their commit."""
    insert = recorder._insert_events

    def dawdling(cursor: Any, events: Any, **kwargs: Any) -> Any:
        inserted = insert(cursor, events, **kwargs)
        dawdle()
        return inserted

    monkeypatch.setattr(recorder, "_insert_events", dawdling)


@contextmanager
def in_the_database(environment: Environment, dawdle: str) -> Iterator[psycopg.Connection[Any]]:
    """Have every writer of a PostgreSQL database do something between its insert and its commit."""
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
        autocommit=True,
    ) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM {dawdle}; RETURN NULL; END $$".encode()
        )
        connection.execute(
            "CREATE TRIGGER dawdle AFTER INSERT ON orders_events "
            "FOR EACH ROW WHEN (NEW.state <> 'quick'::bytea) EXECUTE FUNCTION dawdle()"
        )
        try:
            yield connection
        finally:
            connection.execute("DROP TRIGGER dawdle ON orders_events")


def follow_while_sixteen_write(
    readers: Sequence[ProcessRecorder], writers: Sequence[ProcessRecorder], appends: int = APPENDS
) -> None:
    """Sixteen threads append through the writers in turn; no reader may miss anything, or see it late."""
    done, seen = threading.Event(), [list[int]() for _ in readers]

    def follow(reader: ProcessRecorder, seen: list[int]) -> None:
        while True:
            was_done = done.is_set()
            new = positions(reader, seen[-1] if seen else 0)
            seen.extend(new)
            if was_done and not new:
                return

    def write(number: int) -> None:
        stream = uuid4()
        for version in range(1, appends + 1):
            writers[(number + version) % len(writers)].insert_events([event(stream, version)])

    threads = [threading.Thread(target=follow, args=each) for each in zip(readers, seen, strict=True)]
    for thread in threads:
        thread.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    done.set()
    for thread, reader, each in zip(threads, readers, seen, strict=True):
        thread.join(PATIENCE_SECONDS)
        assert each == sorted(each)
        assert each == positions(reader)
        assert len(each) == WRITERS * appends


def test_sixteen_writers_at_once_and_a_reader_misses_nothing(
    persistence: Environment, open_application: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pause before the commit, which is when a later writer could overtake.
    lots = random.Random(7)
    recorder = open_application(Orders, persistence).recorder
    with ExitStack() as slow:
        if isinstance(recorder, SqliteRecorder):
            slowly(recorder, monkeypatch, lambda: time.sleep(lots.random() * 0.004))
        elif isinstance(recorder, PostgresRecorder):
            slow.enter_context(in_the_database(persistence, "pg_sleep(random() * 0.004)"))
        follow_while_sixteen_write([recorder], [recorder])


def test_no_reader_misses_anything_while_the_librarys_writers_and_the_tuned_ones_are_mixed(
    tuned_postgres: Environment, open_application: Open
) -> None:
    stock = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "ORDERS_PROCESS_RECORDER_TOPIC": "eventsourcing.postgres:PostgresProcessRecorder",
    }
    theirs = open_application(Orders, tuned_postgres | stock).recorder
    ours = open_application(Orders, tuned_postgres).recorder
    assert (type(theirs), type(ours)) == (PostgresProcessRecorder, TunedRecorder)
    with in_the_database(tuned_postgres, "pg_sleep(random() * 0.004)"):
        follow_while_sixteen_write([theirs, ours], [theirs, ours])


def test_while_a_writer_has_not_committed_no_later_one_can_be_seen(
    durable_persistence: Environment, open_application: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick, reader = (open_application(Orders, durable_persistence).recorder for _ in range(3))
    slow_stream, quick_stream = uuid4(), uuid4()
    with ExitStack() as hesitating, ThreadPoolExecutor() as writers:
        if isinstance(slow, SqliteRecorder):
            has_inserted, may_commit = threading.Event(), threading.Event()

            def hesitate() -> None:
                has_inserted.set()
                assert may_commit.wait(PATIENCE_SECONDS)

            slowly(slow, monkeypatch, hesitate)
            let_go: Callable[[], object] = may_commit.set
        else:
            waits = in_the_database(durable_persistence, "pg_advisory_xact_lock_shared(99)")
            connection = hesitating.enter_context(waits)
            connection.execute("SELECT pg_advisory_lock(99)")
            let_go = partial(connection.execute, "SELECT pg_advisory_unlock(99)")
        writing_slowly = writers.submit(slow.insert_events, [event(slow_stream, 1)])
        if isinstance(slow, SqliteRecorder):
            assert has_inserted.wait(PATIENCE_SECONDS)
        else:
            hesitates = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 99 AND NOT granted"
            wait_until(lambda: connection.execute(hesitates).fetchone())
        quick_event = StoredEvent(quick_stream, 1, "Something.Happened", b"quick")
        writing_quickly = writers.submit(quick.insert_events, [quick_event])
        # Had a reader seen the quick one's position, it would never look back for the slow one's.
        looks = [positions(reader) for _ in range(50)]
        let_go()
        writing_slowly.result(20)
        writing_quickly.result(20)

    assert [seen for seen in looks if seen] == []
    log = reader.select_notifications(0, 10, inclusive_of_start=False)
    assert [one.originator_id for one in log] == [slow_stream, quick_stream]


def test_what_the_library_and_the_tuned_module_have_written_both_read_alike(
    tuned_postgres: Environment, open_application: Open
) -> None:
    theirs = open_application(
        Orders,
        tuned_postgres
        | {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "ORDERS_PROCESS_RECORDER_TOPIC": "eventsourcing.postgres:PostgresProcessRecorder",
        },
    ).recorder
    ours = open_application(Orders, tuned_postgres).recorder
    teapot, cup = UUID(int=1), UUID(int=2)
    theirs.insert_events([event(teapot, 1), event(teapot, 2)], tracking=Tracking("Payments", 3))
    ours.insert_events([event(cup, 1), event(teapot, 3)], tracking=Tracking("Payments", 8))
    with pytest.raises(IntegrityError):
        theirs.insert_events([event(teapot, 3)])
    with pytest.raises(IntegrityError):
        ours.insert_events([event(teapot, 2)])
    with pytest.raises(IntegrityError):
        theirs.insert_events([event(teapot, 4)], tracking=Tracking("Payments", 8))

    for stream in (teapot, cup):
        assert theirs.select_events(stream) == ours.select_events(stream)
    assert [event.originator_version for event in theirs.select_events(teapot)] == [1, 2, 3]
    assert theirs.select_notifications(0, 10) == ours.select_notifications(0, 10)
    assert theirs.max_notification_id() == ours.max_notification_id()
    assert theirs.max_tracking_id("Payments") == ours.max_tracking_id("Payments") == 8
