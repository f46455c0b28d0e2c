"""How far followers are behind, counted, and when they will be level: on every store, as it happens."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from system.bootstrap import Orderwright
from system.concurrency.background import BackgroundLoop
from system.definition import orderwright as definition
from system.operations import followers as operations
from system.operations.followers import (
    FollowerReport,
    Outlook,
    Progress,
    State,
    examine_followers,
    outlook_of,
)
from system.operations.lag import lags
from system.runner import heart as hearts
from system.runner.service import RunnerService
from tests.support.by_hand import clock, gateway, way
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.heartbeats import beating
from tests.support.logs import sqlite_file, tell_postgres
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

__all__ = ["clock", "gateway", "way"]

OpenWay = Callable[..., Way]


def report_of(
    orderwright: Orderwright, follower: str, service: RunnerService | None = None
) -> FollowerReport:
    """How a follower is."""
    found = examine_followers(orderwright, service).followers
    return next(one for one in found if one.follower == follower)


def report_once(
    state: State, orderwright: Orderwright, follower: str, service: RunnerService
) -> FollowerReport:
    """How a follower is as soon as it is in a state: a moment later it may be in another one again."""
    found: list[FollowerReport] = []

    def is_there() -> bool:
        found.append(report_of(orderwright, follower, service))
        return found[-1].state is state

    wait_until(is_there)
    return found[-1]


def progress_of(orderwright: Orderwright, follower: str, leader: str) -> Progress:
    """How far it is in the log of a leader."""
    return next(each for each in report_of(orderwright, follower).leaders if each.leader == leader)


def to_handle(orderwright: Orderwright) -> dict[tuple[str, str], int]:
    """What followers have still to handle, where it is anything."""
    return {
        (one.follower, one.leader): one.events_to_handle for one in lags(orderwright) if one.events_to_handle
    }


# Counting


def test_what_a_follower_ignores_and_where_there_is_no_event_does_not_count(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, durable_persistence))
    if durable_persistence["PERSISTENCE_MODULE"] != "eventsourcing.sqlite":
        # Ten positions were given out to appends that failed.
        tell_postgres(
            durable_persistence,
            "SELECT nextval(pg_get_serial_sequence('orders_events', 'notification_id')) "
            "FROM generate_series(1, 10)",
        )
    for _ in range(4):
        shop.order("CD-X1")
    shop.receive("CD-X1", 5)  # with which the saga has nothing to do
    orders = ("OrderDashboard", "Orders"), ("OrderFulfilment", "Orders")
    stock = {("StockLevels", "Inventory"): 2}
    assert to_handle(shop.orderwright) == {**dict.fromkeys(orders, 4), **stock}

    lose(durable_persistence, 2)
    assert to_handle(shop.orderwright) == {**dict.fromkeys(orders, 3), **stock}
    position = progress_of(shop.orderwright, "OrderDashboard", "Orders")
    assert position.head - position.position > position.events_to_handle


def lose(environment: Environment, number: int) -> None:
    """The order that was placed as the so manieth is not in the log any more."""
    if environment["PERSISTENCE_MODULE"] == "eventsourcing.sqlite":
        some = "SELECT rowid FROM stored_events WHERE topic = 'Order.Created' ORDER BY rowid LIMIT 1 OFFSET ?"
        with sqlite_file(environment, "Orders") as file:
            file.execute(f"DELETE FROM stored_events WHERE rowid = ({some})", (number,))
    else:
        some = (
            "SELECT notification_id FROM orders_events WHERE topic = 'Order.Created' "
            "ORDER BY notification_id LIMIT 1 OFFSET %s"
        )
        tell_postgres(environment, f"DELETE FROM orders_events WHERE notification_id = ({some})", number)


def test_an_event_of_a_newer_release_is_still_to_be_handled(way: ByHand) -> None:
    way.orderwright.inventory.recorder.insert_events([StoredEvent(uuid4(), 1, "StockItem.Gilded", b"{}")])
    assert to_handle(way.orderwright) == {
        ("OrderFulfilment", "Inventory"): 1,
        ("StockLevels", "Inventory"): 1,
    }


def test_the_oldest_event_has_an_age_which_no_wrong_clock_makes_negative(
    way: ByHand, clock: StandingClock
) -> None:
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    clock.put_forward(40)
    shop.receive("CD-X1", 5)
    found = progress_of(way.orderwright, "StockLevels", "Inventory")
    assert (found.events_to_handle, found.oldest_age_seconds) == (3, 40)
    clock.put_wrong(-3600)
    assert progress_of(way.orderwright, "StockLevels", "Inventory").oldest_age_seconds == 0
    way.level()
    found = progress_of(way.orderwright, "StockLevels", "Inventory")
    assert (found.events_to_handle, found.oldest_at, found.oldest_age_seconds) == (0, None, None)


# When it will be level


@pytest.fixture
def owned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is told that a process runs every follower."""
    monkeypatch.setattr(operations, "owners_of", lambda *_: dict.fromkeys(definition.followers, "till:7"))


class Till:
    """A follower of stock with its heart, and goods that come in, two seconds at a time."""

    def __init__(self, way: ByHand) -> None:
        self.shop = Shop(way)
        loop = way.runner.loops["StockLevels"]
        (self.subscription,) = loop.subscriptions
        self.heart, self.time = beating(loop)

    def work(self, *, comes_in: int, handles: int) -> Progress:
        """Two seconds go by; how it is then."""
        for _ in range(comes_in):
            self.shop.receive("CD-X1", 1)
        self.subscription._at_once = handles
        has_more = bool(handles and self.subscription.advance() and self.subscription.has_more)
        self.time[0] += 2
        self.heart.beat(has_more=has_more or not handles)
        return progress_of(self.shop.orderwright, "StockLevels", "Inventory")


def test_a_follower_that_catches_up_is_level_when_it_was_said_to_be(way: ByHand, owned: None) -> None:
    till = Till(way)
    till.shop.receive("CD-X1", 1)
    assert till.work(comes_in=60, handles=6).outlook is Outlook.UNKNOWN
    till.work(comes_in=2, handles=6)
    found = till.work(comes_in=2, handles=6)
    assert (found.events_per_second, found.incoming_per_second) == (3, 1)
    assert found.outlook is Outlook.CATCHING_UP
    assert found.level_in_seconds == found.events_to_handle / 2

    rounds = 1
    while till.work(comes_in=2, handles=6).outlook is not Outlook.LEVEL:
        rounds += 1
    assert found.level_in_seconds is not None
    assert abs(2 * rounds - found.level_in_seconds) <= 2
    assert till.work(comes_in=0, handles=6).level_in_seconds == 0


def test_one_that_handles_less_than_comes_in_falls_behind(way: ByHand, owned: None) -> None:
    till = Till(way)
    for _ in range(3):
        till.work(comes_in=10, handles=4)
    found = till.work(comes_in=10, handles=4)
    assert (found.events_per_second, found.incoming_per_second) == (2, 5)
    assert (found.outlook, found.level_in_seconds) == (Outlook.FALLING_BEHIND, None)


def test_one_that_handles_nothing_while_events_come_in_stands_still(way: ByHand, owned: None) -> None:
    till = Till(way)
    for _ in range(3):
        found = till.work(comes_in=3, handles=0)
    assert (found.events_to_handle, found.events_per_second) == (10, 0)
    assert (found.outlook, found.level_in_seconds) == (Outlook.STANDING_STILL, None)


def test_what_follows_from_rates() -> None:
    running = State.RUNNING
    assert outlook_of(0, None, None, State.NOT_RUN) is Outlook.LEVEL
    assert outlook_of(5, 3.0, 1.0, State.PAUSING) is Outlook.STANDING_STILL
    assert outlook_of(5, None, None, running) is Outlook.UNKNOWN
    assert outlook_of(5, 3.0, None, running) is Outlook.UNKNOWN
    assert outlook_of(5, 3.0, 3.0, running) is Outlook.FALLING_BEHIND
    assert outlook_of(5, 3.0, 2.9, running) is Outlook.CATCHING_UP


# Whether it runs


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hearts beat often, and soon somebody without a heartbeat is called silent."""
    for module in hearts, operations:
        monkeypatch.setattr(module, "BEAT_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(operations, "SILENT_AFTER_SECONDS", 0.5)


@pytest.fixture
def serve() -> Iterator[Callable[..., RunnerService]]:
    """Starts services that follow, and stops them after the test."""
    started: list[RunnerService] = []

    def start(way: Way, *only: str) -> RunnerService:
        started.append(RunnerService(way.orderwright, way.orderwright.leases(only)))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


def test_of_a_follower_that_hangs_the_heartbeat_stands_still(
    persistence: Environment, open_way: OpenWay, serve: Any, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = open_way(ByHand, persistence)
    may_go_on = threading.Event()
    stock_levels: Any = way.orderwright.stock_levels
    react = stock_levels.handle

    def hangs(event: Any, work: Any) -> None:
        may_go_on.wait(PATIENCE_SECONDS)
        react(event, work)

    monkeypatch.setattr(stock_levels, "handle", hangs)
    Shop(way).receive("CD-X1", 5)
    service = serve(way)  # it hangs in its very first page
    try:
        found = report_once(State.SILENT, way.orderwright, "StockLevels", service)
        assert found.heartbeat is not None
        assert found.heartbeat.process in (found.why or "")
        assert "no sign of life" in (found.why or "")
        assert {one.outlook for one in found.leaders} == {Outlook.STANDING_STILL}
        report_once(State.RUNNING, way.orderwright, "SagaLog", service)
    finally:
        may_go_on.set()
    report_once(State.RUNNING, way.orderwright, "StockLevels", service)


def test_an_old_heartbeat_that_is_followed_by_another_one_is_no_silence(
    way: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the database was put forward, or a process has just taken over from one that died."""
    heart, time = beating(way.runner.loops["SagaLog"])
    heart.beat(has_more=False)
    others = {"SagaLog": "till:7"}

    def goes_on(_: float) -> None:
        time[0] += 2
        heart.beat(has_more=False)

    def state_of(pause: Callable[[float], object]) -> State:
        report = operations.assembled(way.orderwright, others, lags(way.orderwright), (), pause)
        return next(one.state for one in report.followers if one.follower == "SagaLog")

    monkeypatch.setattr(operations, "SILENT_AFTER_SECONDS", -1.0)
    assert state_of(goes_on) is State.RUNNING
    assert state_of(lambda _: None) is State.SILENT


def test_who_runs_what_in_two_processes_and_that_nobody_does(
    persistence: Environment, open_way: OpenWay, serve: Any, often: None
) -> None:
    way = open_way(ByHand, persistence)
    some = serve(way, "SagaLog", "Orders")
    found = report_once(State.RUNNING, way.orderwright, "SagaLog", some)
    assert (found.why, found.owner is not None) == (None, True)
    wait_until(lambda: report_of(way.orderwright, "SagaLog", some).heartbeat is not None)
    nobodys = report_of(way.orderwright, "Payments", some)
    assert (nobodys.state, nobodys.why, nobodys.owner) == (State.NOT_RUN, "no process runs it", None)
    some.stop()
    assert "ran it until" in (report_of(way.orderwright, "SagaLog", some).why or "")


def test_one_that_pauses_says_why(
    persistence: Environment, open_way: OpenWay, serve: Any, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = open_way(ByHand, persistence)
    service = serve(way, "SagaLog")
    monkeypatch.setattr(operations, "SILENT_AFTER_SECONDS", PATIENCE_SECONDS)  # its pauses are long
    loop: BackgroundLoop = service.runner.loops["SagaLog"]
    with monkeypatch.context() as trouble:
        trouble.setattr(loop, "advance", lambda: 1 // 0)
        loop.wakeup.ring()
        found = report_once(State.PAUSING, way.orderwright, "SagaLog", service)
        assert "after an unexpected error (ZeroDivisionError)" in (found.why or "")
    report_once(State.RUNNING, way.orderwright, "SagaLog", service)
