"""A database that does not answer: nobody waits for ever, nothing is done twice, all goes on by itself."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import OperationalError

from system.persistence.postgres import answers
from system.runner import wakeups
from system.runner.service import RunnerService
from system.runner.wakeups import WakeupListener
from system.settings.environment import Settings
from system.stores import wakeup_channels
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest
from tests.support.network import Network
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]
Ask = Callable[[Callable[[], Any]], Future[Any]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are waited for a second, instead of ten."""
    monkeypatch.setattr(answers.PoliteConnection, "within", (1.0, 1.0, None))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    """Answers are waited for as long as anything here takes."""
    monkeypatch.setattr(answers.PoliteConnection, "within", (PATIENCE_SECONDS, PATIENCE_SECONDS, None))


@pytest.fixture
def network(postgres: PrivatePostgres) -> Iterator[Network]:
    """A network to the database of the tests."""
    with Network(postgres) as network:
        yield network


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Does something in a thread, so that a test fails where it would hang."""
    pool = ThreadPoolExecutor(16)
    yield pool.submit
    pool.shutdown(wait=False, cancel_futures=True)


def behind(network: Network, environment: Environment) -> Environment:
    """The environment of the same store, as it is reached through a network."""
    return environment | network.environment(environment["POSTGRES_DBNAME"])


def place_again(shop: Shop, key: str) -> Callable[[], str]:
    """Place an order, always the same one."""
    return lambda: str(shop.order("CD-X1", command_id=key, ref=key))


def insist(place: Callable[[], str]) -> str:
    """Send a command under its key until it is taken."""
    taken: list[str] = []

    def is_taken() -> bool:
        with contextlib.suppress(OperationalError):
            taken.append(place())
        return bool(taken)

    wait_until(is_taken, what="the command is taken")
    return taken[0]


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Processes that do nothing meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def backends(server: PrivatePostgres, environment: Environment) -> list[int]:
    """The processes of a server that serve a store."""
    with server.connected("postgres") as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s", (environment["POSTGRES_DBNAME"],)
        )
        return [pid for (pid,) in found]


def test_every_connection_is_probed_by_the_system(
    on_postgres: Environment, network: Network, open_way: OpenWay
) -> None:
    environment = behind(network, on_postgres)
    way = open_way(ByHand, environment)
    service = RunnerService(way.orderwright)
    service.start()
    Shop(way).receive("CD-X1", 5)
    port = int(environment["POSTGRES_PORT"])
    wait_until(lambda: len(probed(port)) >= 3, what="pool, leases and wake-ups are connected")
    assert all(probed(port))
    service.stop()


def probed(port: int) -> list[bool]:
    """Of each connection of this process to a port, whether the system finds out within ten seconds when
    it leads nowhere."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it is not connected, or closed meanwhile
            if descriptor.readlink().name.startswith("socket:"):
                with socket.socket(fileno=os.dup(int(descriptor.name))) as connection:
                    if connection.family == socket.AF_INET and connection.getpeername()[1] == port:
                        found.append(is_probed(connection))
    return found


def is_probed(connection: socket.socket) -> bool:
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    idle, interval, count, gives_up = (connection.getsockopt(socket.IPPROTO_TCP, each) for each in options)
    is_on = connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return bool(is_on) and idle + interval * count < 10 and 0 < gives_up < 10_000


def test_a_frozen_server_is_given_up_and_asked_again_when_it_is_back(
    on_postgres: Environment, postgres: PrivatePostgres, open_way: OpenWay, ask: Ask
) -> None:
    shop = Shop(open_way(ByHand, on_postgres))
    place = place_again(shop, "first")
    order = place()

    with frozen(*backends(postgres, on_postgres)):
        placing = ask(place_again(shop, "second"))
        with pytest.raises(OperationalError, match=r"no answer from the database"):
            placing.result(PATIENCE_SECONDS)

    second = place_again(shop, "second")
    assert insist(second) == second()
    assert place() == order


def test_a_lost_reply_is_an_unknown_outcome_and_nothing_is_sent_again_by_itself(
    on_postgres: Environment, network: Network, open_way: OpenWay, ask: Ask
) -> None:
    shop = Shop(open_way(ByHand, behind(network, on_postgres)))
    place = place_again(shop, "first")
    network.lose_reply_to(b"Order.Created")
    placing = ask(place)
    with pytest.raises(OperationalError):
        placing.result(PATIENCE_SECONDS)

    assert network.lost == 1
    network.lose_reply_to(None)
    placed = insist(place)  # the session that was cut off may hold its locks for some seconds
    assert placed == place()
    assert len(shop.orderwright.orders.recorder.select_notifications(1, 10)) == 1


def test_one_connection_that_is_silent_has_all_of_them_replaced(
    on_postgres: Environment, network: Network, open_way: OpenWay, ask: Ask
) -> None:
    shop = Shop(open_way(ByHand, behind(network, on_postgres)))
    at_once = threading.Barrier(4)
    orders = shop.orderwright.orders.recorder

    def occupy_a_connection() -> None:
        with orders.datastore.get_connection():  # type: ignore[attr-defined]  # those on PostgreSQL have one
            at_once.wait(PATIENCE_SECONDS)

    for each in [ask(occupy_a_connection) for _ in range(4)]:
        each.result(PATIENCE_SECONDS)
    assert network.forget() >= 4

    with pytest.raises(OperationalError):
        ask(orders.max_notification_id).result(PATIENCE_SECONDS)
    for _ in range(4):
        assert ask(orders.max_notification_id).result(PATIENCE_SECONDS) is None


def test_a_commit_that_waits_for_a_standby_in_vain_is_not_acknowledged(
    on_postgres: Environment, postgres: PrivatePostgres, open_way: OpenWay, ask: Ask
) -> None:
    shop = Shop(open_way(ByHand, on_postgres))
    with waiting_for_a_standby(postgres):
        placing = ask(place_again(shop, "first"))
        with pytest.raises(OperationalError, match="no answer from the database"):
            placing.result(PATIENCE_SECONDS)

    assert insist(place_again(shop, "first")) == place_again(shop, "first")()
    assert len(shop.orderwright.orders.recorder.select_notifications(1, 10)) == 1


def test_a_wait_for_a_standby_that_was_cut_short_is_not_acknowledged(
    on_postgres: Environment, postgres: PrivatePostgres, open_way: OpenWay, ask: Ask, patient: None
) -> None:
    """PostgreSQL answers with a success and a warning to who was waiting, when an administrator cancels."""
    shop = Shop(open_way(ByHand, on_postgres))
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with waiting_for_a_standby(postgres), postgres.connected("postgres") as administrator:
        placing = ask(place_again(shop, "first"))
        wait_until(lambda: administrator.execute(cancel).fetchall() or placing.done(), what="it is cancelled")
        with pytest.raises(OperationalError, match="the outcome is unknown: canceling wait"):
            placing.result(PATIENCE_SECONDS)


@contextmanager
def waiting_for_a_standby(server: PrivatePostgres) -> Iterator[None]:
    """A server whose commits wait for a standby that is not there."""
    with server.connected("postgres") as connection:

        def wait_for(standby: str) -> None:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'".encode())
            connection.execute("SELECT pg_reload_conf()")
            shown = "SHOW synchronous_standby_names"
            wait_until(lambda: connection.execute(shown).fetchone() == (standby,), what="the server waits so")

        try:
            wait_for("gone")
            yield
        finally:
            wait_for("")


def test_a_listener_that_the_network_has_forgotten_listens_again(
    on_postgres: Environment, network: Network, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "ASK_AFTER_SECONDS", 0.2, raising=False)
    monkeypatch.setattr(wakeups.ListeningConnection, "within", (0.5, 0.5, None))
    heard: list[str] = []
    ((parameters, leaders),) = wakeup_channels(Settings.from_environment(behind(network, on_postgres)))
    listener = WakeupListener(parameters, leaders, heard.append)
    listener.start()
    wait_until(lambda: len(heard) >= len(leaders), what="it listens")
    heard.clear()

    assert network.forget() == 1
    wait_until(lambda: len(heard) >= len(leaders), what="it listens again")
    heard.clear()
    Shop(open_way(ByHand, on_postgres)).receive("CD-X1", 5)
    wait_until(lambda: "Inventory" in heard)
    listener.stop()


def test_when_the_network_is_back_everything_goes_on_without_a_restart(
    on_postgres: Environment, network: Network, open_way: OpenWay, ask: Ask
) -> None:
    shop = Shop(open_way(UnderOurRunner, behind(network, on_postgres)))
    shop.receive("CD-X1", 50)
    orders = [shop.order("CD-X1") for _ in range(5)]

    network.go_down()
    runner = shop.way.runner  # type: ignore[attr-defined]  # it is run by ours
    wait_until(lambda: any(each.fault for each in runner.loops.values()), what="the followers notice it")
    with pytest.raises(OperationalError):
        ask(lambda: shop.order("CD-X1")).result(PATIENCE_SECONDS)

    network.come_back()
    orders.append(UUID(insist(place_again(shop, "late"))))
    wait_until(lambda: all(shop.status(order) == "CONFIRMED" for order in orders), what="all are confirmed")
    shop.settle()
    assert_at_rest(shop.orderwright)
