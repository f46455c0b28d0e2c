"""What another process records on PostgreSQL wakes the followers here, without their looking for it."""

from collections.abc import Callable, Iterator

import pytest

from system.concurrency import background
from system.definition import orderwright as definition
from system.runner.wakeups import WakeupListener
from system.settings.environment import Settings
from system.stores import wakeup_channels
from tests.support.fixtures import Environment
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]


@pytest.fixture
def listen() -> Iterator[Callable[[Environment], list[str]]]:
    """Starts listeners to a store; what they hear, in order, as the names of leaders."""
    started: list[WakeupListener] = []

    def start(environment: Environment) -> list[str]:
        heard: list[str] = []
        for parameters, leaders in wakeup_channels(Settings.from_environment(environment)):
            started.append(WakeupListener(parameters, leaders, heard.append))
            started[-1].start()
        wait_until(lambda: len(heard) >= len(definition.leaders), what="everybody was woken at first")
        heard.clear()
        return heard

    yield start
    for listener in started:
        listener.stop()
        assert not listener.is_alive()


def test_what_another_process_records_is_followed_without_polling(
    on_postgres: Environment, open_way: OpenWay
) -> None:
    follower = Shop(open_way(UnderOurRunner, {**on_postgres, "ORDERWRIGHT_POLL_SECONDS": "60"}))
    follower.settle()
    writer = Shop(open_way(ByHand, on_postgres))
    writer.receive("CD-X1", 5)
    order = writer.order("CD-X1")
    wait_until(lambda: follower.status(order) == "CONFIRMED")


def test_only_those_who_follow_what_was_recorded_are_woken(
    on_postgres: Environment, open_way: OpenWay, listen: Callable[[Environment], list[str]]
) -> None:
    heard = listen(on_postgres)
    Shop(open_way(ByHand, on_postgres)).receive("CD-X1", 5)
    wait_until(lambda: heard)
    assert set(heard) == {"Inventory"}


def test_one_connection_a_database(on_postgres: Environment) -> None:
    split = {
        **on_postgres,
        "INVENTORY_POSTGRES_DBNAME": "warehouse",
        "STOCKLEVELS_POSTGRES_DBNAME": "elsewhere",
    }
    shop, warehouse = wakeup_channels(Settings.from_environment(split))
    assert warehouse[0]["dbname"] == "warehouse"
    assert warehouse[1] == {"inventory_events": "Inventory"}
    assert set(shop[1].values()) == set(definition.leaders) - {"Inventory"}


def test_elsewhere_nobody_listens(in_memory: Environment, on_sqlite: Environment) -> None:
    for environment in (in_memory, on_sqlite):
        assert wakeup_channels(Settings.from_environment(environment)) == []


def test_after_an_outage_it_listens_again_and_wakes_everybody(
    listen: Callable[[Environment], list[str]], open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "LONGEST_PAUSE", 0.1)
    with PrivatePostgres() as server:
        server.create_database("shop")
        environment = {"PERSISTENCE_MODULE": "eventsourcing.postgres", **server.environment("shop")}
        heard = listen(environment)
        server.stop("immediate")
        server.start()
        wait_until(
            lambda: all(heard.count(leader) >= 2 for leader in definition.leaders),
            what="everybody was woken when it could no longer be told, and again when it could",
        )
        heard.clear()
        Shop(open_way(ByHand, environment)).receive("CD-X1", 5)
        wait_until(lambda: heard == ["Inventory"])


def test_it_stops_at_once_while_the_database_is_away() -> None:
    listener = WakeupListener({"host": "/nowhere"}, {"orders_events": "Orders"}, lambda _: None)
    listener.start()
    listener.stop()
    assert not listener.is_alive()
