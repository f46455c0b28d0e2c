"""One runner a store, over processes: a lease is exclusive, and a dead owner's is free at once."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from system.gateways.simulated import SimulatedGateway
from system.operations.positions import is_settled
from system.runner import service
from system.runner.lease import FileLease, Lease, PostgresLease, SoleOwner
from system.runner.service import RunnerService
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, Way

OpenWay = Callable[..., Way]

HOLDER = """
import os
from system.bootstrap import build
from system.settings import Settings

lease = build(Settings.from_environment(os.environ)).lease()
print("held" if lease.acquire() else "taken", flush=True)
input()
"""


@contextmanager
def another_process(environment: Environment) -> Iterator[subprocess.Popen[str]]:
    """A process that tries to take the store's lease and says whether it has it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def says(process: subprocess.Popen[str]) -> str:
    """The next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_what_one_process_holds_no_other_gets_until_it_is_killed(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    orderwright = open_way(ByHand, durable_persistence).orderwright
    lease = orderwright.lease()
    with another_process(durable_persistence) as owner:
        assert says(owner) == "held"
        assert not lease.acquire()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        wait_until(lease.acquire)
    with another_process(durable_persistence) as late:
        assert says(late) == "taken"
    lease.release()
    with another_process(durable_persistence) as later:
        assert says(later) == "held"


def test_having_it_already_is_fine_and_giving_it_back_twice_too(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    orderwright = open_way(ByHand, durable_persistence).orderwright
    mine, yours = orderwright.lease(), orderwright.lease()
    assert mine.acquire()
    assert mine.acquire()
    assert not yours.acquire()
    mine.release()
    mine.release()
    assert yours.acquire()
    yours.release()


def test_each_store_has_the_lease_that_fits(
    persistence: Environment, open_way: OpenWay, tmp_path: Path
) -> None:
    lease: Lease = open_way(ByHand, persistence).orderwright.lease()
    kinds = {"popo": SoleOwner, "sqlite": FileLease, "postgres": PostgresLease}
    assert type(lease) is kinds[persistence["PERSISTENCE_MODULE"].rpartition(".")[2]]
    assert lease.acquire()
    lease.release()


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service looks for its lease once a second in production."""
    monkeypatch.setattr(service, "LOOK_EVERY_SECONDS", 0.01)


def test_one_service_follows_and_when_it_ends_the_other_takes_over(
    durable_persistence: Environment, open_way: OpenWay, looks_often: None
) -> None:
    gateway = SimulatedGateway()
    first, second = (open_way(ByHand, durable_persistence, gateway).orderwright for _ in range(2))
    shop = Shop(open_way(ByHand, durable_persistence, gateway))
    one, two = RunnerService(first), RunnerService(second)
    one.start()
    two.start()
    assert (one.is_running, two.is_running) == (True, False)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    wait_until(lambda: shop.status(order) == "CONFIRMED")

    one.stop()
    wait_until(lambda: two.is_running)
    late = shop.order("CD-X1")
    wait_until(lambda: shop.status(late) == "CONFIRMED")
    assert not one.is_running
    assert two.faults() == {}
    two.stop()
    assert not two.is_running
    lease = first.lease()
    assert lease.acquire()
    lease.release()


def test_a_service_whose_connection_is_cut_takes_its_lease_again(
    emptied_postgres: Environment, open_way: OpenWay, looks_often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"PERSISTENCE_MODULE": "eventsourcing.postgres", **emptied_postgres}
    way = open_way(ByHand, environment)
    follower = RunnerService(way.orderwright)
    follower.start()
    before = follower.runner
    assert before is not None

    def fails_at_the_end(stop: Callable[[], None] = before.stop) -> None:
        stop()
        raise psycopg.OperationalError("the database is away")

    monkeypatch.setattr(before, "stop", fails_at_the_end)
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
    ) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    wait_until(lambda: follower.runner not in (None, before))

    shop = Shop(way)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    wait_until(lambda: is_settled(way.orderwright))
    follower.stop()
    assert shop.status(order) == "CONFIRMED"
    assert_at_rest(way.orderwright)


def test_a_lease_that_cannot_be_asked_for_is_asked_for_again(
    on_sqlite: Environment, open_way: OpenWay, looks_often: None
) -> None:
    way = open_way(ByHand, on_sqlite)

    class Troubled:
        faults = iter([OSError("stale file handle"), psycopg.OperationalError("away")])

        def acquire(self) -> bool:
            fault = next(self.faults, None)
            if fault is not None:
                raise fault
            return True

        def release(self) -> None:
            pass

    class Store:
        runner = staticmethod(way.orderwright.runner)
        lease = staticmethod(Troubled)

    service_of_it = RunnerService(Store())
    service_of_it.start()
    wait_until(lambda: service_of_it.is_running)
    service_of_it.stop()
    assert not service_of_it.is_running
