"""A follower that hangs: its lease is given up, another process takes it over, and readiness tells."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from system.concurrency import pulse
from system.concurrency.pulse import Pulse
from system.definition import orderwright as definition
from system.leases import postgres as postgres_leases
from system.observability.health import Health
from system.operations.positions import is_settled
from system.persistence.postgres import answers
from system.runner.service import RunnerService
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.network import Network
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

OpenWay = Callable[..., Way]
Serve = Callable[[Way], RunnerService]

ALL = frozenset(definition.followers)


@pytest.fixture
def network(postgres: PrivatePostgres) -> Iterator[Network]:
    """A network to the database of the tests."""
    with Network(postgres) as network:
        yield network


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts services that follow, and stops them after the test."""
    started: list[RunnerService] = []

    def start(way: Way) -> RunnerService:
        started.append(RunnerService(way.orderwright))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


def test_followers_whose_connections_the_network_has_forgotten_go_on_in_another_process(
    on_postgres: Environment,
    network: Network,
    open_way: OpenWay,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "LONGEST_SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(answers.PoliteConnection, "within", (3.0, 3.0, None))
    behind = on_postgres | network.environment(on_postgres["POSTGRES_DBNAME"])
    shop = Shop(open_way(ByHand, on_postgres))
    shop.receive("CD-X1", 50)
    far, near = serve(open_way(ByHand, behind)), serve(open_way(ByHand, on_postgres))
    wait_until(lambda: sorted(len(each.owned) for each in (far, near)) == [4, 5], what="each has its share")

    network.go_down(lambda said: b"orderwright_leases" not in said)
    orders = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_error_once") * 5]
    wait_until(far.faults, what="it is told that followers do not move")
    wait_until(lambda: near.owned == ALL, what="the other process runs everything")
    wait_until(lambda: is_settled(shop.orderwright), what="everything has settled")
    assert {shop.status(order) for order in orders} == {"CONFIRMED"}

    monkeypatch.setattr(postgres_leases, "LEFT_TO_OTHERS_SECONDS", 0.1)
    for each in far.leases, near.leases:
        each._left_until.clear()  # type: ignore[attr-defined]  # a minute has passed
    network.come_back()
    wait_until(
        lambda: sorted(len(each.owned) for each in (far, near)) == [4, 5], what="each has its share again"
    )
    late = shop.order("CD-X1")
    wait_until(lambda: shop.status(late) == "CONFIRMED")
    wait_until(lambda: is_settled(shop.orderwright), what="everything has settled again")
    assert_at_rest(shop.orderwright)
    assert_stock_balances(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)


class Hang:
    """What a thread waits for that hangs in the middle of a reaction."""

    def __init__(self, application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_over = threading.Event()
        self.began = threading.Event()
        react = application.handle

        def hangs(event: Any, work: Any) -> None:
            if not self.is_over.is_set():
                self.began.set()
                self.is_over.wait(PATIENCE_SECONDS)
            react(event, work)

        monkeypatch.setattr(application, "handle", hangs)


def test_a_follower_that_hangs_in_its_own_code_is_taken_over_and_fenced_when_it_wakes(
    on_sqlite: Environment, open_way: OpenWay, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "LONGEST_STEP_SECONDS", 1.0)
    first = open_way(ByHand, on_sqlite)
    hang = Hang(first.orderwright.inventory, monkeypatch)
    hanging = serve(first)
    second = open_way(ByHand, on_sqlite)
    shop = Shop(second)
    other = serve(second)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    if hang.began.wait(5):  # else it is the other one's, by its share
        wait_until(lambda: "Inventory" in hanging.faults(), what="it is told which one does not move")
        check = {each.name: each for each in Health(first.orderwright, hanging).readiness().checks}[
            "followers"
        ]
        assert not check.ok
        assert "Inventory" in check.detail
        wait_until(lambda: "Inventory" in other.owned, what="the other process has taken it over")
        assert "Inventory" not in hanging.owned
    wait_until(lambda: shop.status(order) == "CONFIRMED")

    hang.is_over.set()
    wait_until(lambda: not hanging.faults(), what="it has stopped")
    wait_until(lambda: is_settled(shop.orderwright), what="everything has settled")
    assert_at_rest(shop.orderwright)
    assert_stock_balances(shop.orderwright)


def test_alone_a_follower_begins_again_when_it_has_stopped_hanging(
    in_memory: Environment, open_way: OpenWay, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "LONGEST_STEP_SECONDS", 0.2)
    way = open_way(ByHand, in_memory)
    hang = Hang(way.orderwright.inventory, monkeypatch)
    shop, alone = Shop(way), serve(way)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    wait_until(lambda: "Inventory" in alone.faults())
    wait_until(lambda: "Inventory" not in alone.owned)
    assert "has not moved for" in alone.faults()["Inventory"]

    hang.is_over.set()
    wait_until(lambda: shop.status(order) == "CONFIRMED")
    wait_until(lambda: alone.owned == ALL)
    assert alone.faults() == {}


def test_a_page_that_takes_long_is_no_hang_nor_is_waiting_while_another_one_computes(
    tuned_postgres: Environment, open_way: OpenWay, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "LONGEST_STEP_SECONDS", 1.0)
    monkeypatch.setattr(pulse, "LONGEST_SILENCE_SECONDS", 1.0)
    way = open_way(ByHand, tuned_postgres)
    inventory = way.orderwright.inventory
    react = inventory.handle

    def computes_long(event: Any, work: Any) -> None:
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        react(event, work)

    monkeypatch.setattr(inventory, "handle", computes_long)
    shop = Shop(way)
    shop.receive("CD-X1", 50)
    orders = [shop.order("CD-X1") for _ in range(15)]
    alone = serve(way)
    seen: list[dict[str, float]] = []

    def are_confirmed() -> bool:
        seen.append(alone.runner.still())
        return {shop.status(order) for order in orders} == {"CONFIRMED"}

    wait_until(are_confirmed)
    assert [each for each in seen if each] == []


# The pulse itself


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Pulse:
    """A pulse that is impatient with silence, and patient with steps."""
    monkeypatch.setattr(pulse, "LONGEST_SILENCE_SECONDS", 0.01)
    return Pulse()


def is_still(each: Pulse) -> bool:
    """Whether it is felt to be still after a while."""
    until = time.monotonic() + 0.05
    wait_until(lambda: time.monotonic() > until)
    return each.still_for() > 0


def test_who_waits_for_an_answer_is_still_and_who_computes_or_rests_is_not(quick: Pulse) -> None:
    assert not is_still(quick), "it has not begun"
    quick.beat()
    assert not is_still(quick), "it computes"
    quick.asks()
    assert is_still(quick)
    quick.beat()
    assert not is_still(quick), "it was answered"
    assert quick.rest(lambda: is_still(quick)) is False, "it has nothing to do"


def test_to_ask_again_after_a_failure_is_no_progress(quick: Pulse) -> None:
    quick.beat()
    quick.asks()
    quick.fails()
    assert is_still(quick)
    quick.asks()
    assert quick.still_for() > 0


def test_who_waits_for_another_thread_is_as_it_was_afterwards(quick: Pulse) -> None:
    felt: list[bool] = []
    quick.beat()
    quick.asks()
    other = Pulse()
    quick.stands_by(lambda: felt.append(is_still(quick)), other.still_for)
    other.asks()
    quick.stands_by(lambda: felt.append(is_still(quick)), other.still_for)
    assert felt == [False, True], "it is as still as the one it waits for"
    assert is_still(quick)
