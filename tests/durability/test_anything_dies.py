"""Any part is killed under load, again and again: nothing acknowledged is lost, nothing counts twice."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from domain.orders import OrderStatus
from system.operations.positions import is_settled
from tests.support.agreement import all_orders, live_rows, rebuilt_rows
from tests.support.fixtures import Environment, migrated
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, Way

from .service import Answered, Customers, Process, Service, order

ROUNDS = int(os.environ.get("ORDERWRIGHT_TEST_ROUNDS", "3"))
SECONDS_AWAY = float(os.environ.get("ORDERWRIGHT_TEST_OUTAGE_SECONDS", "6"))


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    """A database server of this test's own, which keeps what it acknowledged through a power cut."""
    with PrivatePostgres(fsync=True) as server:
        yield server


@pytest.fixture
def environment(server: PrivatePostgres) -> Environment:
    """The environment of an empty store on it."""
    server.create_database("shop")
    return migrated(server.environment("shop") | {"ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01"})


def children(process: Process) -> list[int]:
    """The processes that a process has started."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as listed:  # noqa: PTH123 - a file of the kernel
        return [int(pid) for pid in listed.read().split()]


def kill_a_runner(service: Service, server: PrivatePostgres) -> None:
    """Kill -9 the runner that has been there longest, and start another one."""
    runner = next(p for p in service.processes if p.args[-1] == "runner" and p.poll() is None)  # type: ignore[index]  # a list
    runner.kill()
    runner.wait()
    service.start("runner")


def kill_an_api_worker(service: Service, server: PrivatePostgres) -> None:
    """Kill -9 a process that serves requests; its master replaces it."""
    os.kill(children(service.processes[0])[0], signal.SIGKILL)


def end_a_backend(service: Service, server: PrivatePostgres) -> None:
    """End every session in the middle of whatever it does."""
    with server.connected("postgres") as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'")


def kill_a_backend(service: Service, server: PrivatePostgres) -> None:
    """Kill -9 a process of the database, upon which it gives up all sessions and recovers."""
    with server.connected("postgres") as connection:
        row = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'shop'").fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGKILL)


def crash_the_database(service: Service, server: PrivatePostgres) -> None:
    """Stop the database without any goodbye, and start it again."""
    server.stop("immediate")
    server.start()


@pytest.mark.parametrize(
    "strike", [kill_a_runner, kill_an_api_worker, end_a_backend, kill_a_backend, crash_the_database]
)
def test_whatever_is_killed_under_load_nothing_is_lost_or_counted_twice(
    server: PrivatePostgres,
    environment: Environment,
    open_way: Callable[..., Way],
    strike: Callable[[Service, PrivatePostgres], None],
) -> None:
    Shop(open_way(ByHand, environment)).receive("CD-X1", 100_000)
    with Service(environment) as service:
        service.start("api", "--workers", "2")
        service.start("runner")
        service.start("runner")
        service.wait_until_ready()
        with Customers(service) as customers:
            for _ in range(ROUNDS):
                customers.wait_for_more(40)
                strike(service, server)
            customers.wait_for_more(40)
        shop = Shop(open_way(ByHand, environment))
        wait_until(lambda: settled(shop), what="everything settled by itself")

    orders = {one.id: one for one in all_orders(shop.orderwright)}
    acknowledged = [UUID(one) for one in customers.acknowledged.values()]
    assert set(acknowledged) <= set(orders), "an order was acknowledged and is gone"
    assert len(acknowledged) == len(set(acknowledged)) >= 40 * ROUNDS
    statuses = Counter(orders[one].status for one in acknowledged)
    assert set(statuses) == {OrderStatus.CONFIRMED, OrderStatus.CANCELLED}
    assert_at_rest(shop.orderwright)
    assert_stock_balances(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)
    live, rebuilt = live_rows(shop.orderwright), rebuilt_rows(shop.orderwright)
    for table, rows in live.items():
        assert rows == rebuilt[table], table


def settled(shop: Shop) -> bool:
    """Whether everything has settled; while the database is away nothing has."""
    try:
        return is_settled(shop.orderwright)
    except Exception:
        return False


def test_while_the_database_is_away_answers_come_in_time_and_can_be_sent_again(
    server: PrivatePostgres, environment: Environment, open_way: Callable[..., Way]
) -> None:
    Shop(open_way(ByHand, environment)).receive("CD-X1", 100_000)
    with Service(environment) as service:
        service.start("serve")
        service.wait_until_ready()
        with Customers(service, count=24) as customers:
            customers.wait_for_more(60)
            server.stop("immediate")
            answers = outage(service, SECONDS_AWAY)
            server.start()
            service.wait_until_ready()
            customers.wait_for_more(60)
        shop = Shop(open_way(ByHand, environment))
        wait_until(lambda: settled(shop), what="everything settled by itself")

    for path, answer in answers:
        assert answer.status == 503, (path, answer)
        assert answer.seconds < 3, (path, answer)
        assert path == "/readyz" or answer.headers["Retry-After"] == "1", (path, answer)
    assert len({path for path, _ in answers}) == 3
    assert len(answers) >= 4
    orders = {one.id for one in all_orders(shop.orderwright)}
    acknowledged = [UUID(one) for one in customers.acknowledged.values()]
    assert set(acknowledged) <= orders
    assert len(acknowledged) == len(set(acknowledged))
    assert_at_rest(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)


def outage(service: Service, seconds: float) -> list[tuple[str, Answered]]:
    """What is answered during an outage, beside two dozen customers who keep trying."""
    answers: list[tuple[str, Answered]] = []
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        number += 1
        asked = [
            ("POST", "/api/v1/orders", order(), f"during-{number}"),
            ("GET", "/api/v1/orders", None, None),
            ("GET", "/api/v1/orders/6b7bc545-812e-5ca7-8b10-6a64b6f9e89b", None, None),
            ("GET", "/readyz", None, None),
        ]
        for method, path, body, key in asked:
            answers.append((path, service.ask(method, path, body, key)))
    return answers
