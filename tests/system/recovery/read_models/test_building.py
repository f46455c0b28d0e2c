"""Builds that are stopped, killed, done twice or given up; what is expected of them, and what is told."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from system.bootstrap import build
from system.followers import builder
from system.followers.builder import VersionGone
from system.operations.read_models import (
    UnknownReadModel,
    UnknownVersion,
    find_read_model,
    read_model,
    versions_to_see_to,
)
from system.persistence.versions import State, Version
from system.recovery.read_models.building import correction, rebuild
from system.recovery.read_models.dropping import VersionInUse, drop
from system.recovery.read_models.switching import NotSwitched, switch
from system.settings.environment import Settings
from system.verification.run import verify
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.poison import poison
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way
from tests.system.followers.test_versions import begun, rows

OpenWay = Callable[..., Way]
ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build has many pages also where there are few events."""
    monkeypatch.setattr(builder, "FIRST_PAGE", 8)
    monkeypatch.setattr(builder, "PAGE_BYTES", 5_000)


def a_shop(environment: Environment, open_way: OpenWay) -> Shop:
    """A shop with twelve orders in its past."""
    shop = Shop(open_way(ByHand, environment, clock=StandingClock()))
    shop.receive("TEAPOT", 100)
    for number in range(12):
        shop.order("TEAPOT", ref=f"A-{number}", pays="pm_ok" if number % 3 else "pm_declined")
    shop.settle()
    return shop


@pytest.fixture
def shop(on_sqlite: Environment, open_way: OpenWay) -> Shop:
    return a_shop(on_sqlite, open_way)


def olga(shop: Shop) -> Any:
    """The context of a command by the operator."""
    return shop.context("olga")


def test_a_build_that_is_not_wanted_any_more_stops_after_a_page_and_is_gone_on_with(shop: Shop) -> None:
    pages: list[object] = []
    stopped = rebuild(shop.orderwright, "SagaLog", olga(shop), pages.append, is_wanted=lambda: len(pages) < 3)
    assert (stopped.is_ready, stopped.was_begun_before, len(pages)) == (False, False, 3)
    assert 0 < stopped.events_read < stopped.events

    done = rebuild(shop.orderwright, "SagaLog", olga(shop))
    assert (done.version, done.is_ready, done.was_begun_before) == (2, True, True)
    assert done.events_read == done.events
    assert rows(shop, "SagaLog", 2) == rows(shop, "SagaLog", 1)
    assert rebuild(shop.orderwright, "SagaLog", olga(shop)).version == 3, "that one was ready"


KILLED = """
import os, signal
from system.bootstrap import build, utc_now
from system.followers import builder
from system.recovery.read_models.building import rebuild
from system.settings.environment import Settings
from application.base import CommandContext
builder.FIRST_PAGE, builder.PAGE_BYTES = 8, 5_000
pages = []
def page(_):
    pages.append(1)
    if len(pages) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
orderwright = build(Settings.from_environment(os.environ))
rebuild(orderwright, "order_dashboard", CommandContext("c", utc_now(), "olga"), page)
"""


def test_a_build_that_was_killed_is_gone_on_with(durable_persistence: Environment, open_way: OpenWay) -> None:
    shop = a_shop(durable_persistence, open_way)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, **durable_persistence, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL

    done = rebuild(shop.orderwright, "OrderDashboard", olga(shop))
    assert (done.version, done.was_begun_before, done.is_ready) == (2, True, True)
    assert rows(shop, "OrderDashboard", 2) == rows(shop, "OrderDashboard", 1)


def test_two_who_build_at_once_build_the_same_version(shop: Shop) -> None:
    version = begun(shop, "OrderDashboard")
    with ThreadPoolExecutor(2) as people:
        reports = list(
            people.map(lambda _: rebuild(shop.orderwright, "OrderDashboard", olga(shop)), range(2))
        )
    assert {report.version for report in reports} >= {version}
    assert rows(shop, "OrderDashboard", version) == rows(shop, "OrderDashboard", 1)


def test_a_build_is_given_up_by_dropping_its_version(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    shop = a_shop(durable_persistence, open_way)
    elsewhere = build(Settings.from_environment(durable_persistence))

    def give_up(_: object) -> None:
        if elsewhere.dashboard.versions.registry.get(2).state is State.BUILDING:  # type: ignore[union-attr]
            drop(elsewhere, "OrderDashboard", 2, olga(shop))

    with pytest.raises(VersionGone, match="version 2 of OrderDashboard was dropped"):
        rebuild(shop.orderwright, "OrderDashboard", olga(shop), give_up)
    elsewhere.close()
    report = read_model(shop.orderwright, "OrderDashboard")
    assert [(one.version, one.state) for one in report.versions] == [(1, "ready"), (2, "dropped")]


def test_what_could_not_be_taken_in_is_told_and_such_a_version_is_not_served(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    orderwright = shop.orderwright
    bad = shop.order("TEAPOT", ref="bad")
    shop.settle()
    poison(monkeypatch, orderwright.payment_ledger, lambda event: event.order_id == bad)
    report = rebuild(orderwright, "PaymentLedger", olga(shop))

    assert (report.is_ready, report.failures) == (True, 2)
    first, second = report.failed
    assert (first.topic, second.topic) == ("Payment.Requested", "Payment.Completed")
    assert {first.order_id, second.order_id} == {str(bad)}
    assert (first.leader, first.tables) == ("Payments", ("payment_ledger_v2",))
    assert first.error == "ValueError: cannot bear Requested"
    event = orderwright.payments.recorder.select_notifications(first.position, 1)[0]
    assert event.topic == first.topic
    with pytest.raises(NotSwitched, match="could not take in 2 events") as refused:
        switch(orderwright, "PaymentLedger", olga(shop), "")
    assert [one.code for one in refused.value.hindrances] == ["has_failures"]
    (told,) = versions_to_see_to(orderwright)
    assert told.startswith("version 2 of PaymentLedger could not take in 2 events, see ")


def test_a_version_that_is_not_ready_or_far_behind_is_not_served(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    orderwright = shop.orderwright
    begun(shop, "StockLevels")
    with pytest.raises(NotSwitched, match="not built to the end"):
        switch(orderwright, "StockLevels", olga(shop), "")
    rebuild(orderwright, "StockLevels", olga(shop))
    for number in range(3):
        shop.receive("TEAPOT", 1, command_id=f"late-{number}")
    shop.settle()
    monkeypatch.setattr("system.recovery.read_models.switching.FAR_BEHIND", 2)
    with pytest.raises(NotSwitched, match="it lacks 3 events") as refused:
        switch(orderwright, "StockLevels", olga(shop), "")
    assert [one.code for one in refused.value.hindrances] == ["is_behind"]
    monkeypatch.undo()

    done = switch(orderwright, "StockLevels", olga(shop), "it is level")
    assert (done.version, done.before, done.replayed) == (2, 1, False)
    assert rows(shop, "StockLevels", 2) == rows(shop, "StockLevels", 1), "it was brought level before"
    assert switch(orderwright, "StockLevels", olga(shop), "again").replayed
    assert len(read_model(orderwright, "StockLevels").switches) == 1
    shop.receive("TEAPOT", 1, command_id="later")
    shop.settle()
    assert verify(orderwright, is_full=True).findings == (), "it looks at the version that is in use"


def test_what_is_served_is_not_dropped_and_what_is_not_there_is_told(shop: Shop) -> None:
    orderwright = shop.orderwright
    with pytest.raises(VersionInUse, match="version 1 of SagaLog is served"):
        drop(orderwright, "saga_log", 1, olga(shop))
    with pytest.raises(UnknownVersion, match="version 7 of SagaLog does not exist"):
        drop(orderwright, "SagaLog", 7, olga(shop))
    with pytest.raises(UnknownReadModel, match="there are OrderDashboard, PaymentCalls"):
        find_read_model(orderwright, "Dashboard")
    assert find_read_model(orderwright, "fulfilments").name == "SagaLog"


def test_what_is_expected_is_noted_after_a_tenth_and_corrected_by_earlier_builds(shop: Shop) -> None:
    report = rebuild(shop.orderwright, "OrderDashboard", olga(shop))
    noted = shop.orderwright.dashboard.versions.registry.get(2)
    assert noted is not None
    assert report.estimated_seconds == noted.estimated_ms / 1000  # type: ignore[operator]
    assert noted.by_rate_ms == noted.estimated_ms, "there was no earlier build"
    assert noted.events == report.events

    def built(taken: int, by_rate: int | None) -> Version:
        return Version(2, "", State.READY, ready_at="then", taken_ms=taken, by_rate_ms=by_rate)

    assert correction([]) == 1.0
    assert correction([built(100, None), Version(3, "", State.BUILDING, taken_ms=9, by_rate_ms=3)]) == 1.0
    assert correction([built(150, 100), built(110, 100)]) == 1.1
    assert correction([built(900, 100), *[built(120, 100)] * 4, built(50, 100)]) == 1.2


def test_a_version_of_another_release_is_not_gone_on_with(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(shop, "StockLevels")
    levels = shop.orderwright.stock_levels
    monkeypatch.setattr(levels.versions, "shape", "of the next release")
    report = rebuild(shop.orderwright, "StockLevels", olga(shop))
    assert (report.version, report.was_begun_before) == (3, False)
    assert levels.versions.used == 1, "nobody has switched to it"
    switch(shop.orderwright, "StockLevels", olga(shop), "")
    assert levels.versions.used == 3

    monkeypatch.undo()
    assert levels.versions.ask() == 1, "the release before goes on with what it has made"
    with pytest.raises(VersionInUse, match="the one that this release reads"):
        drop(shop.orderwright, "StockLevels", 1, olga(shop))


@pytest.mark.parametrize("persistence", ["sqlite", "postgres"], indirect=True)
def test_a_store_of_the_release_before_is_opened_and_built_from(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop = a_shop(persistence, open_way)
    store: Any = shop.orderwright.stock_levels.recorder
    tables = shop.orderwright.stock_levels.versions.registry.tables
    store.transact([(f"DROP TABLE @{table.name}", {}) for table in tables])

    again = Shop(open_way(ByHand, persistence, clock=StandingClock()))
    assert again.stock("TEAPOT").on_hand == 100
    rebuild(again.orderwright, "StockLevels", olga(again))
    switch(again.orderwright, "StockLevels", olga(again), "")
    assert again.stock("TEAPOT").on_hand == 100
