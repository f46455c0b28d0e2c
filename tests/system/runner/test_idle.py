"""Where nothing happens, little is asked; and what happens is not missed for it."""

import threading
import time
from collections.abc import Callable, Collection, Iterator

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from system.bootstrap import Orderwright, build
from system.operations.positions import positions
from system.persistence.postgres.notifier import Notifier
from system.runner.loop import LOOK_EVERY_SECONDS
from system.runner.service import RunnerService
from system.settings.environment import Settings
from tests.support.fixtures import Environment, migrated
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]
WATCHED_FOR_SECONDS = 3
TRANSACTIONS_A_SECOND = 20
"""It is two thirds of that, with the heartbeats; it was 130 when everybody polled."""


@pytest.fixture
def pair(on_postgres: Environment) -> Iterator[list[RunnerService]]:
    """Two runner services that share the followers, as those of two processes do."""
    systems: list[Orderwright] = [build(Settings.from_environment(on_postgres)) for _ in range(2)]
    services = [RunnerService(system) for system in systems]
    for service in services:
        service.start()
    yield services
    for service in services:
        service.stop()
    for system in systems:
        system.close()


def test_two_idle_runners_ask_the_database_little(
    on_postgres: Environment, open_way: OpenWay, pair: list[RunnerService]
) -> None:
    shop = Shop(open_way(ByHand, on_postgres))
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    wait_until(lambda: shop.status(order) == "CONFIRMED" and all(service.is_running for service in pair))
    wait_until(lambda: all(position.is_level for position in positions(shop.orderwright)))

    with psycopg.connect(
        host=on_postgres["POSTGRES_HOST"],
        user=on_postgres["POSTGRES_USER"],
        dbname="postgres",
        autocommit=True,
    ) as elsewhere:

        def transactions() -> int:
            row = elsewhere.execute(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s",
                (on_postgres["POSTGRES_DBNAME"],),
            ).fetchone()
            assert row is not None
            return int(row[0])

        def a_second() -> float:
            before, since = transactions(), time.monotonic()
            threading.Event().wait(WATCHED_FOR_SECONDS)  # it is about doing nothing for a while
            return (transactions() - before) / (time.monotonic() - since)

        # What this test has just asked itself is counted a few seconds later.
        wait_until(lambda: a_second() < TRANSACTIONS_A_SECOND)
    another = shop.order("CD-X1")
    wait_until(lambda: shop.status(another) == "CONFIRMED")


def test_an_append_that_nobody_told_of_is_found_all_the_same(
    tuned_postgres: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = open_way(UnderOurRunner, tuned_postgres)
    assert isinstance(follower, UnderOurRunner)
    wait_until(lambda: patience(follower) > 1, what="it relies on being told")
    monkeypatch.setattr(Notifier, "notify", lambda *_: None)
    writer = Shop(open_way(ByHand, tuned_postgres))
    writer.receive("CD-X1", 5)
    order = writer.order("CD-X1")
    wait_until(lambda: writer.status(order) == "CONFIRMED")


def patience(way: UnderOurRunner) -> float:
    """How long the slowest follower would wait now without being told anything."""
    return max(loop._patience() for loop in way.runner.loops.values())


def test_while_nobody_can_tell_they_look_as_often_as_they_are_set_to(open_way: OpenWay) -> None:
    with PrivatePostgres() as server:
        server.create_database("shop")
        environment = {**migrated(server.environment("shop")), "ORDERWRIGHT_POLL_SECONDS": "0.2"}
        way = open_way(UnderOurRunner, environment)
        assert isinstance(way, UnderOurRunner)
        wait_until(lambda: patience(way) > 0.2)
        assert patience(way) <= LOOK_EVERY_SECONDS
        server.stop("immediate")
        wait_until(lambda: patience(way) <= 0.2, what="nobody relies on being told")
        server.start()
        wait_until(lambda: patience(way) > 0.2)
        way.close()


def test_where_nobody_tells_they_look_as_often_as_they_are_set_to(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    way = open_way(UnderOurRunner, {**on_sqlite, "ORDERWRIGHT_POLL_SECONDS": "0.2"})
    assert isinstance(way, UnderOurRunner)
    assert patience(way) <= 0.2


def test_a_position_that_moved_without_effect_is_recorded_soon(
    tuned_postgres: Environment, open_way: OpenWay
) -> None:
    way = open_way(UnderOurRunner, {**tuned_postgres, "ORDERWRIGHT_POLL_SECONDS": "60"})
    Shop(way).receive("CD-X1", 5)
    wait_until(lambda: all(position.is_level for position in positions(way.orderwright)))


def test_what_the_store_does_not_take_is_told_again() -> None:
    told: list[set[str]] = []
    troubles = [OperationalError("no connection is free")]

    def send(channels: Collection[str]) -> None:
        if troubles:
            raise troubles.pop()
        told.append(set(channels))

    notifier = Notifier(send)
    notifier.notify("orders_events")
    wait_until(lambda: told == [{"orders_events"}])
    notifier.stop()
