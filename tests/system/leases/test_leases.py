"""One owner a follower, over processes: leases are exclusive, shared fairly, and a dead owner's run out."""

import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from system.definition import orderwright as definition
from system.gateways.simulated import SimulatedGateway
from system.leases import postgres as postgres_leases
from system.leases.lease import FileLeases, Leases, LeasesUnavailable, SoleOwner
from system.leases.postgres import PostgresLeases
from system.operations.positions import is_settled
from system.operations.settling import backlog, settle
from system.runner import service
from system.runner.service import RunnerService
from system.settings.environment import ON_POSTGRES
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest
from tests.support.logs import tell_postgres
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

OpenWay = Callable[..., Way]

ALL = frozenset(definition.followers)
NOBODY: frozenset[str] = frozenset()
IN_EQUAL_PARTS = (len(ALL) // 2, (len(ALL) + 1) // 2)
"""What each of two may have."""

HOLDER = """
import os, sys
from system.bootstrap import build
from system.leases import postgres as postgres_leases
from system.settings.environment import Settings

postgres_leases.TIME_TO_LIVE_SECONDS = float(sys.argv[1])
leases = build(Settings.from_environment(os.environ)).leases()
print(len(leases.renew(())), flush=True)
sys.stdin.read()
leases.release()
"""


@pytest.fixture(autouse=True)
def long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease outlives any test, however slow the machine is; those that are to run out say so."""
    monkeypatch.setattr(postgres_leases, "TIME_TO_LIVE_SECONDS", PATIENCE_SECONDS)


def let_leases_run_out(environment: Environment) -> None:
    """What is not renewed runs out, as it does by itself later. A lock on a file needs no such thing."""
    if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
        tell_postgres(environment, "UPDATE orderwright_leases SET expires_at = clock_timestamp()")
        tell_postgres(environment, "UPDATE orderwright_runners SET seen_at = seen_at - interval '1 hour'")


@contextmanager
def another_process(environment: Environment) -> Iterator[subprocess.Popen[str]]:
    """A process that takes the leases it can get, once, and says how many they are."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(PATIENCE_SECONDS)],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[3])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
            process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()


def says(process: subprocess.Popen[str]) -> int:
    """How many followers a process says it owns."""
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.fixture
def open_leases(open_way: OpenWay) -> Iterator[Callable[..., Leases]]:
    """Opens leases of a store, as another runner of it each time, and gives them back after the test."""
    opened: list[Leases] = []

    def make(environment: Environment, only: Collection[str] = (), *, is_guest: bool = False) -> Leases:
        leases = open_way(ByHand, environment).orderwright.leases(sorted(only), is_guest=is_guest)
        opened.append(leases)
        return leases

    yield make
    for leases in opened:
        leases.release()


OpenLeases = Callable[..., Leases]


# On every store


def test_what_one_process_owns_no_other_gets_until_it_is_killed(
    durable_persistence: Environment, open_leases: OpenLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = open_leases(durable_persistence)
    with another_process(durable_persistence) as owner:
        assert says(owner) == len(ALL)
        assert leases.renew(()) == NOBODY
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        let_leases_run_out(durable_persistence)
        wait_until(lambda: leases.renew(leases.standing()) == ALL, what="everything is ours")
    # Nobody renews them while the next process starts, however long that takes.
    monkeypatch.setattr(postgres_leases, "TIME_TO_LIVE_SECONDS", PATIENCE_SECONDS)
    leases.renew(ALL)
    with another_process(durable_persistence) as late:
        assert says(late) == 0
    leases.release()
    with another_process(durable_persistence) as later:
        assert says(later) == len(ALL)


def test_each_store_has_the_leases_that_fit(persistence: Environment, open_leases: OpenLeases) -> None:
    leases = open_leases(persistence, ["Orders", "Payments"])
    kinds = {"popo": SoleOwner, "sqlite": FileLeases, "postgres": PostgresLeases}
    assert type(leases) is kinds[persistence["PERSISTENCE_MODULE"].rpartition(".")[2]]
    assert set(leases.owners()) == ALL
    assert set(leases.owners().values()) == {None}
    assert leases.renew(()) == leases.standing() == leases.wanted == {"Orders", "Payments"}
    assert {name for name, owner in leases.owners().items() if owner is not None} == {"Orders", "Payments"}
    leases.release(["Orders"])
    assert leases.standing() == {"Orders"}
    leases.release()
    leases.release()
    assert set(leases.owners().values()) == {None}


def test_owners_are_seen_from_elsewhere(durable_persistence: Environment, open_leases: OpenLeases) -> None:
    spectator = open_leases(durable_persistence)
    with another_process(durable_persistence) as owner:
        says(owner)
        (who,) = set(spectator.owners().values())
        assert who is not None
        assert who == "a process" or who.endswith(f":{owner.pid}")
    assert spectator.standing() == NOBODY


def test_a_file_that_cannot_be_locked_is_told(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path / "nowhere", ALL, ALL)
    for ask in (lambda: leases.renew(()), leases.owners):
        with pytest.raises(LeasesUnavailable, match="nowhere"):
            ask()


# On PostgreSQL


def test_a_second_runner_gets_its_share_once_the_first_has_stopped_it(
    on_postgres: Environment, open_leases: OpenLeases
) -> None:
    first, second = open_leases(on_postgres), open_leases(on_postgres)
    assert first.renew(()) == ALL
    assert second.renew(()) == NOBODY

    kept = first.renew(ALL)
    assert len(kept) in IN_EQUAL_PARTS
    assert first.standing() == ALL
    assert second.renew(()) == NOBODY, "the first has been told to stop, but still runs them"
    assert first.renew(ALL) == kept

    assert first.renew(kept) == kept
    assert second.renew(()) == ALL - kept
    assert (first.renew(kept), second.renew(ALL - kept)) == (kept, ALL - kept)
    first.release(kept)
    assert second.renew(ALL - kept) == ALL - kept, "the first is leaving, but still runs some"
    first.release()
    assert second.renew(ALL - kept) == ALL


def test_runners_that_want_different_followers(on_postgres: Environment, open_leases: OpenLeases) -> None:
    payments = open_leases(on_postgres, ["Payments", "PaymentLedger"])
    everything = open_leases(on_postgres)
    assert payments.renew(()) == payments.wanted
    assert everything.renew(()) == ALL - payments.wanted


def test_a_guest_makes_room(on_postgres: Environment, open_leases: OpenLeases) -> None:
    guest, resident = open_leases(on_postgres, is_guest=True), open_leases(on_postgres)
    assert guest.renew(()) == ALL
    assert resident.renew(()) == NOBODY
    assert guest.renew(ALL) == NOBODY
    assert guest.renew(NOBODY) == NOBODY
    assert resident.renew(()) == ALL
    assert guest.renew(NOBODY) == NOBODY


def test_what_ran_while_its_lease_ran_out_has_to_stop_before_it_begins_again(
    on_postgres: Environment, open_leases: OpenLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_leases, "TIME_TO_LIVE_SECONDS", 0.3)
    frozen, other = open_leases(on_postgres), open_leases(on_postgres)
    assert frozen.renew(()) == ALL
    wait_until(lambda: other.renew(other.standing()) == ALL, what="the other has taken over")
    assert frozen.standing() == NOBODY
    assert frozen.renew(ALL) == NOBODY
    wait_until(lambda: len(other.renew(other.standing())) == len(ALL), what="the first has no say any more")
    wait_until(lambda: set(other.owners().values()) == {None}, what="everything has run out")
    assert frozen.renew(ALL) == NOBODY, "free, but it has not stopped"
    assert frozen.renew(()) == ALL


def test_a_database_that_is_away_is_told(on_postgres: Environment, open_leases: OpenLeases) -> None:
    leases = open_leases(on_postgres)
    leases.renew(())
    monitor = {"POSTGRES_HOST": "host", "POSTGRES_USER": "user", "POSTGRES_DBNAME": "dbname"}
    with psycopg.connect(**{name: on_postgres[key] for key, name in monitor.items()}) as connection:  # type: ignore[arg-type]  # names of parameters
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(LeasesUnavailable):
        leases.renew(ALL)
    assert leases.standing() == ALL
    assert leases.renew(ALL) == ALL


# The service


def test_one_service_follows_and_when_it_ends_the_other_takes_over(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    gateway = SimulatedGateway()
    first, second = (open_way(ByHand, on_sqlite, gateway).orderwright for _ in range(2))
    shop = Shop(open_way(ByHand, on_sqlite, gateway))
    one, two = RunnerService(first), RunnerService(second)
    one.start()
    two.start()
    assert (one.owned, two.owned) == (ALL, NOBODY)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    wait_until(lambda: shop.status(order) == "CONFIRMED")

    one.stop()
    wait_until(lambda: two.owned == ALL)
    late = shop.order("CD-X1")
    wait_until(lambda: shop.status(late) == "CONFIRMED")
    assert not one.is_running
    assert two.faults() == {}
    two.stop()
    assert not two.is_running
    assert set(first.leases().owners().values()) == {None}


def test_two_services_share_the_work_and_settle_it(on_postgres: Environment, open_way: OpenWay) -> None:
    gateway = SimulatedGateway()
    ways = [open_way(ByHand, on_postgres, gateway) for _ in range(2)]
    services = [RunnerService(way.orderwright) for way in ways]
    shop = Shop(ways[0])
    shop.receive("CD-X1", 50)
    for each in services:
        each.start()
    orders = [shop.order("CD-X1") for _ in range(10)]
    wait_until(lambda: sorted(len(each.owned) for each in services) == [4, 5], what="each has its share")
    orders += [shop.order("CD-X1", pays="pm_error_once") for _ in range(10)]
    wait_until(lambda: is_settled(shop.orderwright), what="everything has settled")
    assert services[0].runner.running() == services[0].owned
    assert services[0].owned | services[1].owned == ALL

    services[0].stop()
    wait_until(lambda: services[1].owned == ALL, what="the other has the rest")
    orders.append(shop.order("CD-X1"))
    wait_until(lambda: is_settled(shop.orderwright), what="everything has settled again")
    services[1].stop()
    assert {shop.status(order) for order in orders} == {"CONFIRMED"}
    assert_at_rest(shop.orderwright)


def test_leases_that_cannot_be_asked_for_are_asked_for_again(
    on_sqlite: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "RENEW_EVERY_SECONDS", 0.01)
    orderwright = open_way(ByHand, on_sqlite).orderwright

    class Troubled(SoleOwner):
        faults = 3
        is_standing = True

        def renew(self, running: Collection[str], hanging: Collection[str] = ()) -> frozenset[str]:
            if self.faults:
                self.faults -= 1
                raise LeasesUnavailable("stale file handle")
            return super().renew(running, hanging)

        def standing(self) -> frozenset[str]:
            return super().standing() if self.is_standing else NOBODY

    leases = Troubled(ALL, ALL)
    follower = RunnerService(orderwright, leases)
    follower.start()
    wait_until(lambda: follower.owned == ALL)

    leases.faults = 10
    wait_until(lambda: not leases.faults)
    assert follower.owned == ALL, "a lease outlives a short trouble"

    leases.is_standing, leases.faults = False, 1_000_000
    wait_until(lambda: not follower.is_running and not follower.runner.running(), what="all have stopped")
    leases.faults = 0
    wait_until(lambda: follower.runner.running() == ALL, what="all are back")
    follower.stop()
    assert not follower.is_running


def test_whoever_follows_a_part_waits_for_the_whole(on_sqlite: Environment, open_way: OpenWay) -> None:
    part, rest = (open_way(ByHand, on_sqlite).orderwright for _ in range(2))
    shop = Shop(open_way(ByHand, on_sqlite))
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    follower = RunnerService(part, part.leases(["SagaLog"]))
    follower.start()
    assert backlog(part, follower) > 0
    assert not settle(part, follower, timeout=0.2)

    other = RunnerService(rest)
    other.start()
    assert other.owned == ALL - {"SagaLog"}
    assert settle(part, follower, timeout=PATIENCE_SECONDS)
    assert backlog(part, follower) == 0
    assert_at_rest(shop.orderwright)
    other.stop()
    follower.stop()
