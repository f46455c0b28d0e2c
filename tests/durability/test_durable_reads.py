"""What was read is on disk, and where a standby is waited for also there: an answer that rests on it stays
true when the server dies in the next moment."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import PersistenceError, StoredEvent, Tracking

from system.persistence.postgres.recorder import TunedRecorder
from tests.support.fixtures import Environment, migrated
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.standby import promote, standby_of
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

Read = Callable[[TunedRecorder, UUID], object]

READS: dict[str, Read] = {
    "a stream": lambda recorder, stream: recorder.select_events(stream),
    "a stream with positions": lambda recorder, stream: recorder.select_stream(stream),
    "many streams": lambda recorder, stream: list(recorder.select_streams({stream: 0})),
    "a page": lambda recorder, _: recorder.select_notifications(None, 10),
    "a page of the log": lambda recorder, _: recorder.select_log(0, 10),
    "a position": lambda recorder, _: recorder.max_tracking_id("Elsewhere"),
    "a position with its mark": lambda recorder, _: recorder.checkpoint("Elsewhere")[0],
    "a page from an event on": lambda recorder, _: recorder.select_log_from(0, 10),
}


@pytest.fixture(scope="module")
def unhurried_postgres() -> Iterator[PrivatePostgres]:
    """A server that writes to disk only what somebody waits for."""
    with PrivatePostgres(fsync=True, settings={"wal_writer_delay": "10s"}) as server:
        with server.connected("postgres") as connection:
            pids = "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'background writer')"
            writers = [pid for (pid,) in connection.execute(pids)]
        for pid in writers:
            os.kill(pid, signal.SIGSTOP)
        yield server
        for pid in writers:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def environment(unhurried_postgres: PrivatePostgres) -> Environment:
    """An empty store on that server."""
    name = f"shop_{uuid4().hex}"
    unhurried_postgres.create_database(name)
    return migrated(unhurried_postgres.environment(name))


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_was_read_is_on_disk(
    environment: Environment, unhurried_postgres: PrivatePostgres, open_way: Callable[..., Way], read: Read
) -> None:
    recorder = open_way(ByHand, environment).orderwright.orders.recorder
    assert isinstance(recorder, TunedRecorder)
    stream = uuid4()
    with unhurried_postgres.connected(environment["POSTGRES_DBNAME"]) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(
            "INSERT INTO orders_events (originator_id, originator_version, topic, state, correlation_id) "
            "VALUES (%s, 1, 'Something.Happened', '{}', 'c')",
            (stream,),
        )
        connection.execute("INSERT INTO orders_tracking VALUES ('Elsewhere', 7)")
        ((written,),) = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchall()
        on_disk = f"SELECT pg_current_wal_flush_lsn() >= '{written}'".encode()
        assert connection.execute(on_disk).fetchone() == (False,), "it can be seen, and is not on disk"
        assert read(recorder, stream)
        assert connection.execute(on_disk).fetchone() == (True,)


def test_reading_what_is_on_disk_writes_nothing(
    environment: Environment, unhurried_postgres: PrivatePostgres, open_way: Callable[..., Way]
) -> None:
    recorder = open_way(ByHand, environment).orderwright.orders.recorder
    assert isinstance(recorder, TunedRecorder)
    stream = uuid4()
    happened = StoredEvent(stream, 1, "Something.Happened", b"{}")
    recorder.insert_events([happened], tracking=Tracking("Elsewhere", 7))
    for read in READS.values():
        read(recorder, stream)  # which may tidy up once after the write
    with unhurried_postgres.connected(environment["POSTGRES_DBNAME"]) as connection:
        end = "SELECT pg_current_wal_insert_lsn()"
        before = connection.execute(end).fetchone()
        for read in READS.values():
            assert read(recorder, stream)
        assert connection.execute(end).fetchone() == before


Command = Callable[[Shop, UUID], object]

COMMANDS: dict[str, Command] = {
    "placing": lambda shop, _: shop.order("CD-X1", ref="again"),
    "cancelling": lambda shop, order: shop.cancel(order, command_id="again"),
    "receiving": lambda shop, _: shop.receive("CD-X1", 5, command_id="again"),
}


def test_nothing_is_acknowledged_that_dies_with_the_server(open_way: Callable[..., Way]) -> None:
    """The first command waits for the standby, in vain. The same command at another process finds what
    the first one stored; it must not answer that all is well."""
    answered: dict[str, object] = {}
    with PrivatePostgres(fsync=True) as primary, standby_of(primary) as standby, ExitStack() as held:
        primary.create_database("shop")
        environment = migrated(primary.environment("shop"))
        order = Shop(open_way(ByHand, environment)).order("CD-X1")
        shops = [Shop(open_way(ByHand, environment)) for _ in range(2 * len(COMMANDS))]
        watch = held.enter_context(closing(primary.connected("shop")))
        ((sender,),) = watch.execute("SELECT pid FROM pg_stat_replication").fetchall()
        os.kill(sender, signal.SIGSTOP)
        held.callback(_kill, sender)  # a stopped one would outlive its server

        threads: list[threading.Thread] = []
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

        def all_wait() -> bool:
            return watch.execute(waiting).fetchone() == (len(threads),)

        for name, command in COMMANDS.items():
            for who in ("first", "again"):
                shop = shops.pop()
                threads.append(_in_a_thread(answered, f"{name} {who}", command, shop, order))
                wait_until(lambda: answered or all_wait(), what=f"{name} {who} waits for the standby")
                assert answered == {}, "it was acknowledged, and is on one disk only"
        os.kill(primary.pid, signal.SIGKILL)
        _kill(sender)
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        promote(standby)

        told = {name: answer for name, answer in answered.items() if not isinstance(answer, PersistenceError)}
        assert told == {}, "it was acknowledged, and is gone"
        shop = Shop(open_way(ByHand, migrated(standby.environment("shop"))))
        assert shop.status(order) == "CREATED"


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _in_a_thread(
    answered: dict[str, object], name: str, command: Command, shop: Shop, order: UUID
) -> threading.Thread:
    def run() -> None:
        try:
            answered[name] = command(shop, order)
        except PersistenceError as error:
            answered[name] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
