"""Runners in processes of their own, on one PostgreSQL: they share, take over, and do each other no harm."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from system.definition import orderwright as definition
from system.leases.lease import Leases
from system.operations.positions import is_settled
from tests.support.agreement import assert_read_models_agree
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

ROOT = Path(__file__).parents[3]
ALL = frozenset(definition.followers)
METHODS = ("pm_ok", "pm_ok", "pm_declined", "pm_error_once")

Runner = subprocess.Popen[bytes]
StartRunner = Callable[..., Runner]


@pytest.fixture
def shop(on_postgres: Environment, open_way: Callable[..., Way]) -> Shop:
    """A shop that takes orders and leaves following to others."""
    return Shop(open_way(ByHand, on_postgres))


@pytest.fixture
def start_runner(on_postgres: Environment, shop: Shop) -> Iterator[StartRunner]:
    """Starts runners of the shop, each a process, and ends them after the test."""
    started: list[Runner] = []

    def start(*arguments: str) -> Runner:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", "from web.cli import main; main()", "runner", *arguments],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "ORDERWRIGHT_LOG_LEVEL": "ERROR", **on_postgres},
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def leases(shop: Shop) -> Iterator[Leases]:
    """What tells who owns what."""
    leases = shop.orderwright.leases()
    yield leases
    leases.release()


def spread(leases: Leases) -> Counter[int]:
    """How many followers each process owns; 0 stands for nobody."""
    return Counter(int(owner.rpartition(":")[2]) if owner else 0 for owner in leases.owners().values())


def wait_for_spread(leases: Leases, *runners: Runner) -> None:
    """Wait until these runners share all followers, and none has two more than another."""
    pids = {runner.pid for runner in runners}

    def is_fair() -> bool:
        found = spread(leases)
        return set(found) == pids and max(found.values()) - min(found.values()) <= 1

    wait_until(is_fair, what=f"{pids} share the followers")


def place(shop: Shop, count: int) -> list[UUID]:
    """Place orders of every outcome."""
    return [shop.order("CD-X1", pays=METHODS[number % len(METHODS)]) for number in range(count)]


def settle(shop: Shop, orders: list[UUID]) -> None:
    """Wait until everything has settled, and look whether it did so without any harm."""
    wait_until(lambda: is_settled(shop.orderwright), what="everything has settled")
    assert_at_rest(shop.orderwright)
    assert_stock_balances(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)
    assert_read_models_agree(shop)
    statuses = Counter(shop.status(order) for order in orders)
    assert statuses == {"CONFIRMED": 3 * len(orders) // 4, "CANCELLED": len(orders) // 4}


def test_a_killed_runner_is_replaced_by_the_other(
    shop: Shop, start_runner: StartRunner, leases: Leases
) -> None:
    shop.receive("CD-X1", 1000)
    first = start_runner()
    wait_for_spread(leases, first)
    orders = place(shop, 20)
    second = start_runner()
    wait_for_spread(leases, first, second)

    orders += place(shop, 60)
    first.kill()
    wait_for_spread(leases, second)
    settle(shop, orders)

    third = start_runner()
    wait_for_spread(leases, second, third)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=PATIENCE_SECONDS) == 0
    wait_for_spread(leases, third)
    settle(shop, orders + place(shop, 20))


def test_a_frozen_runner_is_replaced_does_no_harm_when_it_wakes_and_gets_its_share_again(
    shop: Shop, start_runner: StartRunner, leases: Leases
) -> None:
    shop.receive("CD-X1", 1000)
    frozen, other = start_runner(), start_runner()
    wait_for_spread(leases, frozen, other)
    orders = place(shop, 60)
    frozen.send_signal(signal.SIGSTOP)
    wait_for_spread(leases, other)
    orders += place(shop, 20)
    settle(shop, orders)

    orders += place(shop, 40)
    frozen.send_signal(signal.SIGCONT)
    orders += place(shop, 40)
    wait_for_spread(leases, frozen, other)
    settle(shop, orders + place(shop, 20))


def test_a_runner_for_some_followers_only(shop: Shop, start_runner: StartRunner, leases: Leases) -> None:
    shop.receive("CD-X1", 1000)
    some = start_runner("--only", "Payments", "PaymentCalls", "--only", "SagaLog")
    wait_until(lambda: spread(leases) == {some.pid: 3, 0: 6}, what="it follows those")
    place(shop, 4)
    rest = start_runner("--only", *sorted(ALL - {"Payments", "PaymentCalls", "SagaLog"}))
    wait_until(lambda: spread(leases) == {some.pid: 3, rest.pid: 6}, what="the other follows the rest")
    settle(shop, place(shop, 20))

    rest.send_signal(signal.SIGINT)
    assert rest.wait(timeout=PATIENCE_SECONDS) == 0
    wait_until(lambda: spread(leases) == {some.pid: 3, 0: 6}, what="nobody has taken what it did not want")
