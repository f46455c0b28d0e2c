"""A large shop: so many events, spread over years, the same whatever interrupts it and whoever makes it."""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.inventory import StockItem
from domain.orders import Order
from domain.shared.ids import stock_item_id
from system.audit.run import audit
from system.bootstrap import Orderwright, build, utc_now
from system.definition import orderwright as definition
from system.imports import large_demo, simulation
from system.imports.demo import DemoCommands
from system.imports.demo_orders import ENDINGS, DemoOrders
from system.imports.importing import patiently
from system.imports.large_demo import LargeDemo, LargeDemoReport
from system.imports.simulation import SimulatedTime
from system.leases import alone
from system.leases.alone import FollowedElsewhere
from system.operations.positions import is_settled
from system.settings.environment import Settings
from tests.support.agreement import events_of, live_rows, log_of, rebuilt_rows
from tests.support.fixtures import Environment, environment_for
from tests.support.waiting import wait_until
from tests.support.ways import UnderOurRunner, Way

SEED, EVENTS = 7, 2000
REPOSITORY = Path(__file__).parents[3]
DEMO = f"""
import sys; sys.argv = ['orderwright', 'demo', '--events', '{EVENTS}', '--seed', '{SEED}', '--user', 'ada']
from web.cli import main; main()
"""

Facts = tuple[int, str, str]


@pytest.fixture(params=["sqlite", "tuned"])
def environment(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of the stores that large shops are made in."""
    return environment_for(request.param, request, quick_folder)


@pytest.fixture
def small_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several waves also in a small shop, each placed in several portions."""
    monkeypatch.setattr(large_demo, "WAVE", 30)
    monkeypatch.setattr(large_demo, "AT_ONCE", 12)


@pytest.fixture
def opened() -> Iterator[Callable[[Environment], Orderwright]]:
    """Opens systems, and closes them after the test."""
    found: list[Orderwright] = []

    def make(environment: Environment) -> Orderwright:
        found.append(build(Settings.from_environment(environment)))
        return found[-1]

    yield make
    for orderwright in found:
        orderwright.close()


def make(orderwright: Orderwright, *, events: int = EVENTS) -> LargeDemoReport:
    """Make the shop, or what is missing of it."""
    return LargeDemo(orderwright, seed=SEED, events=events, days=365, user="ada").make()


def recorded(orderwright: Orderwright) -> dict[str, dict[UUID, list[Facts]]]:
    """Every event by application and stream, in order, with all that it says but for the times."""
    found: dict[str, dict[UUID, list[Facts]]] = {name: defaultdict(list) for name in definition.leaders}
    for name, streams in found.items():
        for event in log_of(orderwright.applications[name]):
            told = re.sub(r'(?<="datetime_iso","_data_":")[^"]+', "", bytes(event.state).decode())
            streams[UUID(str(event.originator_id))].append((event.originator_version, event.topic, told))
    return found


def test_it_has_so_many_events_of_every_outcome_and_all_is_well(
    environment: Environment, opened: Callable[[Environment], Orderwright]
) -> None:
    orderwright = opened(environment)
    report = make(orderwright)

    stored = sum(1 for name in definition.leaders for _ in log_of(orderwright.applications[name]))
    assert EVENTS <= stored == report.events == report.recorded_events <= EVENTS + 30
    shop = DemoOrders(SEED, shop="large-demo", suffix=f"-{SEED}", customers=large_demo.CUSTOMERS)
    orders = [shop.order(number) for number in range(report.orders)]
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for order in orders:
        outcomes[order.outcome.name][orderwright.orders.order(order.command.order_id).status] += 1
    assert {name: list(statuses) for name, statuses in outcomes.items()} == {
        "confirmed": ["CONFIRMED"],
        "payment declined": ["CANCELLED"],
        "payment fails once": ["CONFIRMED"],
        "payment times out": ["CONFIRMED"],
        "short of stock": ["CANCELLED"],
        "cancelled by the customer": ["CANCELLED"],
        "refund fails once": ["CANCELLED"],
        "refund fails": ["CREATED"],
    }
    assert outcomes["confirmed"].total() > report.orders / 2
    assert audit(orderwright).is_clean
    assert is_settled(orderwright)
    assert live_rows(orderwright) == rebuilt_rows(orderwright)

    again = make(orderwright)

    assert not again.recorded.anything
    assert (again.events, again.recorded_events) == (report.events, 0)


@pytest.mark.usefixtures("small_waves")
def test_its_events_lie_in_the_past_and_in_order(
    in_memory: Environment, opened: Callable[[Environment], Orderwright]
) -> None:
    began = utc_now()
    orderwright = opened(in_memory)
    make(orderwright)

    placed = [event.timestamp for event in events_of(orderwright.orders, Order.Created.TOPIC)]
    assert placed == sorted(placed)
    assert placed[0] - began < -timedelta(days=364)
    assert timedelta(days=20) < began - placed[-1] < timedelta(days=300)
    for name in definition.leaders:
        last: dict[Any, Any] = {}
        for event in events_of(orderwright.applications[name]):
            assert last.get(event.originator_id, event.timestamp) <= event.timestamp < began
            last[event.originator_id] = event.timestamp


@pytest.mark.usefixtures("small_waves")
def test_interrupted_anywhere_it_goes_on_to_the_same_events(
    in_memory: Environment,
    opened: Callable[[Environment], Orderwright],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed, disturbed = opened(in_memory), opened(in_memory)
    make(undisturbed, events=800)

    interruptions = 0
    while True:
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            _die_after(patch, interruptions // 3)  # later and later, as some steps leave nothing behind
            make(disturbed, events=800)
            break
        interruptions += 1

    assert interruptions > 20
    assert recorded(disturbed) == recorded(undisturbed)
    assert audit(disturbed).is_clean
    assert live_rows(disturbed) == rebuilt_rows(disturbed)
    assert is_settled(disturbed)


def test_interrupted_when_calls_were_answered_it_makes_none_of_them_again(
    in_memory: Environment, opened: Callable[[Environment], Orderwright], monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = opened(in_memory)
    make(undisturbed, events=360)
    every_event = recorded(undisturbed)

    for answers in range(6):
        disturbed = opened(in_memory)
        with monkeypatch.context() as patch:
            _die_after(patch, answers, of="step")
            with pytest.raises(KeyboardInterrupt):
                make(disturbed, events=360)
        make(disturbed, events=360)

        assert recorded(disturbed) == every_event


def _die_after(patch: pytest.MonkeyPatch, steps: int, *, of: str = "") -> None:
    """Interrupt what is done by the followers or the worker after so many of their steps, or of the steps
    of one of these."""
    left = steps

    def die(act: Callable[..., Any], *args: Any) -> Any:
        nonlocal left
        done = patiently(act, *args)
        left -= bool(done) and act.__name__.endswith(of)
        if left < 0:
            raise KeyboardInterrupt
        return done

    patch.setattr(simulation, "patiently", die)


def test_killed_it_goes_on_to_the_same_events(
    environment: Environment, opened: Callable[[Environment], Orderwright], in_memory: Environment
) -> None:
    undisturbed = opened(in_memory | {"ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.5"})
    make(undisturbed)
    command = [sys.executable, "-c", DEMO]
    everything = {"PATH": os.environ["PATH"], **environment, "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.5"}
    looking = opened(environment)
    with subprocess.Popen(command, cwd=REPOSITORY, env=everything) as process:
        wait_until(
            lambda: (
                (looking.fulfilments.recorder.max_notification_id() or 0) > 300 or process.poll() is not None
            ),
            what="a part of the shop is made",
        )
        process.kill()
    assert process.returncode != 0, "it was killed too late"

    done = subprocess.run(
        [*command[:2], DEMO.replace("'demo'", "'demo', '--json'")],
        cwd=REPOSITORY,
        env=everything,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert recorded(looking) == recorded(undisturbed)


def test_a_runner_in_real_time_leads_to_the_same_events(
    in_memory: Environment,
    opened: Callable[[Environment], Orderwright],
    open_way: Callable[..., Way],
) -> None:
    simulated = opened(in_memory)
    report = make(simulated)
    assert report.orders < large_demo.WAVE
    way = open_way(UnderOurRunner, in_memory)

    (wave,) = LargeDemo(way.orderwright, seed=SEED, events=EVENTS, days=1, user="ada").waves()
    shop = DemoOrders(SEED, shop="large-demo", suffix=f"-{SEED}", customers=large_demo.CUSTOMERS)
    people = DemoCommands(way.orderwright, shop, "ada")
    people.receive_rare()
    people.receive(wave.whole, "wave 0")
    people.place(wave.placed)
    way.settle()
    people.cancel(wave.placed)
    way.settle()

    ours, theirs = recorded(simulated), recorded(way.orderwright)
    for sku in shop.skus:  # who comes first at a shelf is chance where calls are made at once
        shelf = stock_item_id(sku)
        one, other = (found["Inventory"].pop(shelf) for found in (ours, theirs))
        assert Counter(map(_movement, one)) == Counter(map(_movement, other))
        assert _balance(simulated, shelf) == _balance(way.orderwright, shelf)
    assert _without_balances(ours) == _without_balances(theirs)


def _without_balances(found: dict[str, dict[UUID, list[Facts]]]) -> dict[str, dict[UUID, list[Facts]]]:
    """The same, but for how much was left at a shelf when an order took from it."""
    reservations = {
        stream: [
            (number, topic, re.sub(r'("reserved_line","_data_":\["[^"]+",\d+),\d+', r"\1", told))
            for number, topic, told in facts
        ]
        for stream, facts in found["Inventory"].items()
    }
    return found | {"Inventory": reservations}


def _movement(facts: Facts) -> tuple[Any, ...]:
    """What was moved at a shelf, and for whom, whatever else had been moved before."""
    _, topic, told = facts
    order = re.search(r'"order_id":\{[^}]+\}', told)
    quantity = re.search(r'"quantity":\d+', told)
    return topic, order and order[0], quantity and quantity[0]


def _balance(orderwright: Orderwright, shelf: UUID) -> tuple[int, int]:
    item = orderwright.inventory.find(StockItem, shelf)
    assert item is not None
    return item.on_hand, item.reserved


@pytest.mark.usefixtures("small_waves")
def test_a_larger_shop_adds_to_a_smaller_one(
    in_memory: Environment, opened: Callable[[Environment], Orderwright]
) -> None:
    at_once = opened(in_memory)
    make(at_once)
    grown = opened(in_memory)
    small = make(grown, events=900)
    large = make(grown)

    assert small.recorded_events + large.recorded_events == large.events
    assert not make(grown, events=900).recorded.anything
    one, other = recorded(grown), recorded(at_once)
    assert {name: sum(map(len, one[name].values())) for name in one} == {
        name: sum(map(len, other[name].values())) for name in other
    }
    assert audit(grown).is_clean


def test_it_is_refused_beside_a_runner(
    in_memory: Environment, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "PATIENCE_SECONDS", 0.1)
    orderwright, other = (build(Settings.from_environment(environment)) for _ in range(2))
    try:
        leases = other.leases(["OrderDashboard"])
        wait_until(lambda: leases.renew(()))
        with pytest.raises(FollowedElsewhere, match="stop it"):
            make(orderwright)
        assert orderwright.orders.recorder.max_notification_id() in (None, 0)
        leases.release()
        assert make(orderwright, events=200).orders
    finally:
        orderwright.close()
        other.close()


def test_a_simulated_time_is_never_put_back_and_never_ahead_of_the_real_one() -> None:
    began = utc_now()
    now = SimulatedTime(began - timedelta(days=1), utc_now)
    now.wait_until(began - timedelta(hours=1))
    now.wait_until(began - timedelta(hours=2))
    assert now() == began - timedelta(hours=1)

    now.wait_until(began + timedelta(milliseconds=200))

    assert now() == began + timedelta(milliseconds=200) <= utc_now()
    assert now.seconds() == now().timestamp()


def test_every_ending_says_how_many_events_it_leads_to() -> None:
    assert all(ending.events for ending in ENDINGS)
