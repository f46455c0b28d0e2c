"""What a loop writes down of itself, and that nothing ever waits or stops for it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError
from structlog.testing import capture_logs

from system.bootstrap import Orderwright
from system.concurrency import pulse
from system.operations.followers import examine_followers
from system.persistence.agreement import LogDisagrees
from system.persistence.heartbeats import Heartbeat
from system.runner import heart as hearts
from system.runner.heart import MEASURED_SECONDS, Pace, _Sample, told
from system.runner.runner import Runner
from tests.support.fixtures import Environment, environment_for, migrated
from tests.support.heartbeats import beating
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]


def heartbeats(way: Any, follower: str) -> dict[str, Heartbeat]:
    """The last ones of a follower, by leader."""
    return {beat.leader: beat for beat in way.orderwright.applications[follower].recorder.heartbeats()}


def sequence(way: Any, follower: str = "SagaLog") -> int:
    """How often a follower's heart has beaten."""
    return max((beat.sequence for beat in heartbeats(way, follower).values()), default=0)


@contextmanager
def no_tables(orderwright: Orderwright) -> Iterator[None]:
    """The tables of the heartbeats are not there meanwhile."""

    def rename(before: str, after: str) -> None:
        for application in orderwright.applications.values():
            recorder: Any = application.recorder
            app = recorder.agreement_prefix
            recorder.transact([(f"ALTER TABLE @{app}{before} RENAME TO {app}{after}", {})])

    rename("heartbeats", "put_away")
    try:
        yield
    finally:
        rename("put_away", "heartbeats")


def test_a_loop_beats_while_it_has_nothing_to_do(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "BEAT_EVERY_SECONDS", 0.05)
    way = open_way(UnderOurRunner, {**persistence, "ORDERWRIGHT_POLL_SECONDS": "60"})
    wait_until(lambda: sequence(way) > 3 and sequence(way, "OrderFulfilment") > 3)
    assert heartbeats(way, "OrderFulfilment").keys() == {"Orders", "Payments", "Inventory"}
    assert {beat.fault for beat in heartbeats(way, "OrderFulfilment").values()} == {None}


def test_what_a_page_handled_is_told_and_what_it_passed_over_is_not(
    in_memory: Environment, open_way: OpenWay
) -> None:
    way: Any = open_way(ByHand, in_memory)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    heart, time = beating(way.runner.loops["OrderFulfilment"])
    heart.beat(has_more=False)
    assert {beat.per_second for beat in heartbeats(way, "OrderFulfilment").values()} == {None}
    way.advance("OrderFulfilment")
    time[0] += 10
    heart.beat(has_more=False)

    found = heartbeats(way, "OrderFulfilment")
    assert {leader: beat.handled for leader, beat in found.items()} == {
        "Orders": 1,
        "Payments": 0,
        "Inventory": 0,
    }
    assert (found["Orders"].per_second, found["Orders"].measured_seconds) == (0.1, 10.0)
    assert (found["Orders"].head_before, found["Orders"].head) == (None, None)


def test_it_beats_no_more_often_than_every_two_seconds(in_memory: Environment, open_way: OpenWay) -> None:
    way: Any = open_way(ByHand, in_memory)
    heart, time = beating(way.runner.loops["SagaLog"])
    for _ in range(5):
        heart.beat(has_more=True)
        time[0] += 1
    assert sequence(way) == 3


def test_while_it_is_behind_only_that_counts() -> None:
    pace = Pace()
    for at in range(0, 600, 2):
        pace.add(_Sample(at, 10, None, is_behind=False))
    assert pace.told() == (0.0, MEASURED_SECONDS, None, None)
    pace.add(_Sample(600, 110, 5000, is_behind=True))
    assert pace.told() == (100 / 60, 60, None, None), "too short a time to tell"
    pace.add(_Sample(602, 1110, 5100, is_behind=True))
    pace.add(_Sample(604, 2110, 5200, is_behind=True))
    assert pace.told() == (500.0, 4, 5000, 5200)
    pace.add(_Sample(606, 2120, None, is_behind=False))
    assert pace.told()[2:] == (None, None)


def test_nobody_waits_for_a_file_in_which_somebody_writes(on_sqlite: Environment, open_way: OpenWay) -> None:
    """The test holds the lock itself: a beat that waited for it would fail, five seconds later."""
    way: Any = open_way(ByHand, on_sqlite)
    heart, time = beating(way.runner.loops["SagaLog"])
    heart.beat(has_more=False)
    writer = sqlite3.connect(Path(on_sqlite["ORDERWRIGHT_DATA"]) / "SagaLog.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    time[0] += 2
    with capture_logs() as lines:
        heart.beat(has_more=False)
    assert sequence(way) == 1, "it was left out"
    assert lines == []
    writer.execute("ROLLBACK")
    writer.close()
    time[0] += 2
    heart.beat(has_more=False)
    assert sequence(way) == 2


def test_a_heartbeat_that_cannot_be_written_stops_nobody_and_is_told_once(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "BEAT_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(hearts, "AFTER_A_FAILURE_SECONDS", 0.02)
    way: Any = open_way(ByHand, durable_persistence)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    with capture_logs() as lines, no_tables(way.orderwright):
        runner: Runner = way.orderwright.runner()
        runner.start()
        order = shop.order("CD-X1")
        wait_until(lambda: shop.status(order) == "CONFIRMED")
        wait_until(lambda: len(lines) == len(runner.loops))
        assert {one.heartbeat for one in examine_followers(way.orderwright).followers} == {None}
        runner.stop()
    assert {line["event"] for line in lines} == {"the heartbeat cannot be written"}
    assert sorted(line["follower"] for line in lines) == sorted(runner.loops)


def test_while_the_store_is_away_no_heart_beats_and_then_it_goes_on(
    open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "BEAT_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(hearts, "AFTER_A_FAILURE_SECONDS", 0.1)
    with PrivatePostgres() as server:
        server.create_database("shop")
        way: Any = open_way(UnderOurRunner, migrated(server.environment("shop")))
        wait_until(lambda: sequence(way) > 2)
        server.stop("immediate")
        wait_until(lambda: way.runner.loops["SagaLog"].fault is not None, what="it pauses")
        server.start()
        wait_until(lambda: way.runner.loops["SagaLog"].fault is None, what="it goes on")
        before = sequence(way)
        wait_until(lambda: sequence(way) > before, what="its heart beats again")
        way.close()


def test_a_loop_that_pauses_says_why_and_nothing_of_hosts_and_files(
    on_sqlite: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "BEAT_EVERY_SECONDS", 0.05)
    way: Any = open_way(ByHand, on_sqlite)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    shop.settle()
    way.orderwright.inventory.recorder.transact([("DELETE FROM stored_events", {})])
    runner = way.orderwright.runner()
    runner.start()
    wait_until(lambda: any(beat.fault for beat in heartbeats(way, "StockLevels").values()))
    (beat,) = heartbeats(way, "StockLevels").values()
    assert beat.fault == "because the event that was read at position 2 of Inventory is gone"
    wait_until(lambda: sequence(way, "StockLevels") > beat.sequence, what="it beats while it pauses")
    assert not any(beat.fault for beat in heartbeats(way, "SagaLog").values())
    runner.stop()


def test_a_heartbeat_while_a_loop_pauses_is_no_progress(
    on_postgres: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a follower that fails again and again, while its own store is well, would never be taken over."""
    monkeypatch.setattr(pulse, "LONGEST_SILENCE_SECONDS", 0.01)
    way: Any = open_way(ByHand, on_postgres)
    loop = way.runner.loops["SagaLog"]
    loop.wakeup.stop()
    loop.pulse.belongs_here()
    loop.pulse.fails()
    wait_until(loop.pulse.still_for, what="it has failed for long")
    loop.back_off(OperationalError("the store of the leader is away"), 0)
    assert loop.pulse.still_for() > 0
    assert sequence(way) == 1


def test_a_store_of_an_earlier_release_gets_the_table_at_its_next_start(
    request: pytest.FixtureRequest, quick_folder: Path, open_way: OpenWay
) -> None:
    environment = environment_for("postgres", request, quick_folder)
    before: Any = open_way(ByHand, environment)
    for application in before.orderwright.applications.values():
        recorder = application.recorder
        recorder.transact([(f"DROP TABLE @{recorder.agreement_prefix}heartbeats", {})])
    after: Any = open_way(ByHand, environment)
    assert sequence(after) == 0
    beating(after.runner.loops["SagaLog"])[0].beat(has_more=False)
    assert sequence(after) == 1


def test_what_an_error_says_of_hosts_and_files_is_for_the_log_alone() -> None:
    assert told(OperationalError("no route to db.example.org")) == (
        "because a store does not answer, or refuses (OperationalError)"
    )
    assert told(ValueError("/var/secret")) == "after an unexpected error (ValueError)"
    assert told(LogDisagrees("the log of Orders lacks events")) == "because the log of Orders lacks events"
