"""Snapshots are taken in the background, as often as is set: nobody waits for it, and it hurts nothing."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from application.queries import StreamNotFound
from application.state import UnkeepableState
from domain.shared.ids import stock_item_id
from system.bootstrap import Orderwright
from system.operations.snapshots import (
    SnapshotReport,
    drop_snapshots,
    snapshot_report,
    take_snapshot,
    take_snapshots,
)
from system.snapshots import taker
from system.snapshots.requests import Requests
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.snapshots import sell_well
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, UnderOurRunner

ROOT = Path(__file__).parents[3]
TEAPOT, CUP = stock_item_id("TEAPOT"), stock_item_id("CUP")


def versions(orderwright: Orderwright) -> dict[UUID, int]:
    """The version of each snapshot there is, by its stream."""
    rows = orderwright.snapshots.store.rows("SELECT stream_id, version FROM @orderwright_snapshots", {})
    return {UUID(row["stream_id"]): row["version"] for row in rows}


def kind(report: SnapshotReport, aggregate: str) -> Any:
    """What there is of one kind of aggregate."""
    (found,) = [each for each in report.kinds if each.aggregate == aggregate]
    return found


def test_they_are_taken_in_the_background_while_the_shop_works(
    persistence: Environment, open_way: OpenWay
) -> None:
    """By commands and by followers, of which the latter record more."""
    shop = Shop(open_way(UnderOurRunner, persistence | {"ORDERWRIGHT_SNAPSHOT_EVERY": "20"}))
    orderwright = shop.orderwright
    orderwright.snapshots.start()
    shop.receive("TEAPOT", 100)
    for _ in range(30):
        shop.order("TEAPOT")
    shop.settle()
    wait_until(lambda: versions(orderwright).get(TEAPOT, 0) >= 20, what="followers have led to a snapshot")

    sell_well(orderwright, "CUP", 45)
    wait_until(lambda: versions(orderwright).get(CUP, 0) >= 40, what="commands have led to a snapshot")
    assert kind(snapshot_report(orderwright), "StockItem").figures.taken >= 2
    for stream in (TEAPOT, CUP):
        loaded = orderwright.inventory.repository.load(stream)
        replayed = orderwright.inventory.repository.load(stream, replay=True)
        assert loaded is not None
        assert replayed is not None
        assert vars(loaded.aggregate) == vars(replayed.aggregate)


def test_how_often_is_set_for_each_kind(in_memory: Environment, open_way: OpenWay) -> None:
    rules = {"ORDERWRIGHT_SNAPSHOT_EVERY": "0", "ORDERWRIGHT_SNAPSHOT_EVERY_STOCKITEM": "7"}
    shop = Shop(open_way(ByHand, in_memory | rules))
    sell_well(shop.orderwright, "TEAPOT", 20)
    shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
    assert versions(shop.orderwright) == {TEAPOT: 20}
    assert kind(snapshot_report(shop.orderwright), "StockItem").every == 7

    assert shop.orderwright.inventory.repository.get(TEAPOT).version == 20
    assert snapshot_report(shop.orderwright).figures.hits == 1, (
        "a stream is long as soon as one is taken of it"
    )


def test_none_are_taken_or_used_where_that_is_set(on_sqlite: Environment, open_way: OpenWay) -> None:
    before = Shop(open_way(ByHand, on_sqlite))
    sell_well(before.orderwright, "TEAPOT", 150)
    take_snapshot(before.orderwright, TEAPOT)
    before.way.close()

    for off in ("ORDERWRIGHT_SNAPSHOT_EVERY", "ORDERWRIGHT_SNAPSHOT_EVERY_STOCKITEM"):
        shop = Shop(open_way(ByHand, on_sqlite | {off: "0"}))
        sell_well(shop.orderwright, "CUP", 150)
        assert len(shop.orderwright.snapshots.requests) == 0
        assert shop.orderwright.inventory.repository.get(TEAPOT).version == 150
        assert snapshot_report(shop.orderwright).figures.hits == 0
        shop.way.close()


def test_a_long_stream_that_has_none_gets_one_when_it_is_loaded(
    in_memory: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    sell_well(shop.orderwright, "TEAPOT", 150)
    while shop.orderwright.snapshots.requests.next():
        pass  # as in a store of an earlier release

    shop.orderwright.inventory.repository.get(TEAPOT)

    assert snapshot_report(shop.orderwright).figures.misses == 1
    shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
    assert versions(shop.orderwright) == {TEAPOT: 150}


def test_a_large_one_is_renewed_when_the_events_since_take_as_long_to_read(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taker, "BYTES_LIKE_AN_EVENT", 10)  # this one is as large as many events
    shop = Shop(open_way(ByHand, in_memory | {"ORDERWRIGHT_SNAPSHOT_EVERY": "10"}))
    seen = set()
    for _ in range(40):
        sell_well(shop.orderwright, "TEAPOT", 10)
        shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
        seen.add(versions(shop.orderwright)[TEAPOT])
    assert 2 <= len(seen) < 30


def test_a_full_queue_makes_nobody_wait(in_memory: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(ByHand, in_memory | {"ORDERWRIGHT_SNAPSHOT_EVERY": "10"}))
    shop.orderwright.snapshots.requests._most = 2
    for sku in ("TEAPOT", "CUP", "KETTLE", "SPOON"):
        sell_well(shop.orderwright, sku, 10)

    report = snapshot_report(shop.orderwright)
    assert report.figures.dropped == 2
    shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
    assert set(versions(shop.orderwright)) == {TEAPOT, CUP}
    sell_well(shop.orderwright, "SPOON", 10)
    shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
    assert versions(shop.orderwright)[stock_item_id("SPOON")] == 20, "it comes again later"


def test_a_stream_stands_in_the_queue_once() -> None:
    requests, stream = Requests(most=1), uuid4()
    assert requests.put(("Orders", stream))
    assert requests.put(("Orders", stream))
    assert not requests.put(("Orders", uuid4()))
    assert (requests.next(), requests.next()) == (("Orders", stream), None)


def test_what_was_asked_for_is_taken_before_the_end(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    """Also where nothing runs in the background."""
    for started in (False, True):
        shop = Shop(open_way(ByHand, durable_persistence))
        if started:
            shop.orderwright.snapshots.start()
        sell_well(shop.orderwright, "TEAPOT", 100)
        shop.orderwright.snapshots.close(within=PATIENCE_SECONDS)
        shop.way.close()

        again = Shop(open_way(ByHand, durable_persistence))
        assert versions(again.orderwright) == {TEAPOT: 200 if started else 100}
        again.way.close()


def test_the_end_is_not_put_off_by_one_that_takes_long(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    snapshots, begun, goes_on = shop.orderwright.snapshots, threading.Event(), threading.Event()

    def take(*_: Any) -> None:
        begun.set()
        goes_on.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(snapshots.taker, "take", take)
    snapshots.start()
    sell_well(shop.orderwright, "TEAPOT", 100)
    assert begun.wait(PATIENCE_SECONDS)

    snapshots.close(within=0.01)

    assert snapshots.taker.is_alive(), "the end has come before it"
    goes_on.set()
    snapshots.taker.join(PATIENCE_SECONDS)


def test_a_state_that_cannot_be_kept_is_told_once(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, in_memory | {"ORDERWRIGHT_SNAPSHOT_EVERY": "10"}))

    def peculiar(*_: Any) -> bytes:
        raise UnkeepableState("a float")

    monkeypatch.setattr("system.snapshots.rows.state_of", peculiar)
    with capture_logs() as lines:
        for sku in ("TEAPOT", "CUP"):
            sell_well(shop.orderwright, sku, 10)
        shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
    assert [line["error"] for line in lines if line["log_level"] == "error"] == ["a float"]
    assert snapshot_report(shop.orderwright).figures.failed == 2
    assert take_snapshot(shop.orderwright, TEAPOT).failed == {str(TEAPOT): "a float"}


def test_they_are_taken_by_hand_of_every_stream_that_is_long_enough(shop_of_many: Shop) -> None:
    orderwright = shop_of_many.orderwright
    looked: list[tuple[str, int, int]] = []

    report = take_snapshots(orderwright, lambda *told: looked.append(told))

    assert (report.taken, report.unchanged, report.failed) == (2, 0, {})
    assert versions(orderwright) == {TEAPOT: 120, CUP: 100}
    assert ("Inventory", 225, 225) in looked
    assert take_snapshots(orderwright).unchanged == 2
    assert take_snapshot(orderwright, stock_item_id("SPOON")).taken == 1
    with pytest.raises(StreamNotFound):
        take_snapshot(orderwright, uuid4())

    assert drop_snapshots(orderwright, stream_id=CUP).dropped == 1
    assert drop_snapshots(orderwright, application="Orders").dropped == 0
    assert drop_snapshots(orderwright, application="Inventory").dropped == 2
    assert drop_snapshots(orderwright).dropped == 0
    assert versions(orderwright) == {}


@pytest.fixture
def shop_of_many(persistence: Environment, open_way: OpenWay) -> Shop:
    """Products with many events, and with few; no snapshots."""
    shop = Shop(open_way(ByHand, persistence))
    for sku, events in (("TEAPOT", 120), ("CUP", 100), ("SPOON", 5)):
        sell_well(shop.orderwright, sku, events)
    while shop.orderwright.snapshots.requests.next():
        pass
    return shop


def test_what_a_process_has_counted_is_told_to_all(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    here = Shop(open_way(ByHand, durable_persistence))
    snapshots = here.orderwright.snapshots
    sell_well(here.orderwright, "TEAPOT", 150)
    snapshots.taker.finish(PATIENCE_SECONDS)
    for _ in range(3):
        here.orderwright.inventory.repository.get(TEAPOT)
    snapshots._teller.tell(queue_length=4)
    snapshots._teller.tell(queue_length=5)

    there = snapshot_report(Shop(open_way(ByHand, durable_persistence)).orderwright)
    assert (there.count, there.figures.hits, there.figures.taken, there.queue_length) == (1, 3, 1, 5)
    assert there.bytes > 0
    assert snapshot_report(here.orderwright).figures == there.figures, "nothing is counted twice"


def test_a_replay_that_takes_long_is_told(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.streams.LONG_SECONDS", -1.0)
    shop = Shop(open_way(ByHand, in_memory))
    sell_well(shop.orderwright, "TEAPOT", 150)
    shop.orderwright.inventory.repository.get(TEAPOT)
    (told,) = snapshot_report(shop.orderwright).long_replays
    assert (told.aggregate, told.stream_id, told.version, told.events) == ("StockItem", str(TEAPOT), 150, 150)


# Other processes

KILLED = """
import os, signal, sys
from system.bootstrap import build
from system.settings.environment import Settings
from system.persistence.side_store import SideStore
from tests.support.snapshots import sell_well
orderwright = build(Settings.from_environment(os.environ))
sell_well(orderwright, "TEAPOT", 200)
store = orderwright.snapshots.store
store.open()
taking = store._store.transact
def killed(steps):
    with store._store.datastore.transaction(commit=True) as cursor:
        from system.persistence.sql import for_sqlite, for_postgres
        for statement, parameters in steps:
            if hasattr(store._store.datastore, "schema"):
                cursor.execute(for_postgres(statement, store._store.datastore.schema), parameters)
            else:
                cursor.execute(for_sqlite(statement), parameters)
        os.kill(os.getpid(), signal.SIGKILL)
store._store.transact = killed
orderwright.snapshots.start()
orderwright.snapshots.taker.join()
"""


def test_a_process_that_dies_while_it_takes_one_leaves_none_or_a_whole_one(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    done = run(KILLED, ROOT, durable_persistence)
    assert done.returncode == -signal.SIGKILL, done.stderr

    shop = Shop(open_way(ByHand, durable_persistence))
    assert versions(shop.orderwright) == {}
    assert shop.orderwright.inventory.repository.get(TEAPOT).version == 200
    shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
    assert versions(shop.orderwright) == {TEAPOT: 200}


NEXT_RELEASE = """
import os
from domain.shared.ids import stock_item_id
from system.bootstrap import build
from system.operations.snapshots import snapshot_report
from system.settings.environment import Settings
orderwright = build(Settings.from_environment(os.environ))
stream = stock_item_id("TEAPOT")
item = orderwright.inventory.repository.get(stream)
assert item.largest == 5, "what a replay makes of it"
assert snapshot_report(orderwright).figures.discarded["other_shape"] == 1
orderwright.snapshots.taker.finish(60)
assert orderwright.inventory.repository.get(stream).largest == 5
assert snapshot_report(orderwright).figures.hits == 1
orderwright.close()
"""


def test_a_release_that_remembers_more_replays_and_nobody_has_to_say_so(
    on_sqlite: Environment, open_way: OpenWay, tmp_path: Path
) -> None:
    shop = Shop(open_way(ByHand, on_sqlite))
    sell_well(shop.orderwright, "TEAPOT", 200)
    shop.orderwright.snapshots.taker.finish(PATIENCE_SECONDS)
    shop.way.close()
    for ring in ("domain", "application", "system"):
        shutil.copytree(ROOT / ring, tmp_path / ring, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "domain/inventory/stock_item.py"
    text = path.read_text()
    for old, new in (
        ("        self.reserved = 0\n", "        self.reserved = 0\n        self.largest = 0\n"),
        (
            "        receipt_id = event_id(self.id, self.version + 1)\n",
            "        receipt_id = event_id(self.id, self.version + 1)\n        self.largest = 5\n",
        ),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)

    done = run(NEXT_RELEASE, tmp_path, on_sqlite)
    assert done.returncode == 0, done.stderr


def run(script: str, folder: Path, environment: Environment) -> "subprocess.CompletedProcess[str]":
    """Run a script in a process of its own, with the code in a folder."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**environment, **own},
        capture_output=True,
        text=True,
        check=False,
    )
