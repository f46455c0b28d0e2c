"""A read model is built anew and switched while orders come in and people look: nobody notices."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from application.queries import OrderQuery, PageRequest
from system.followers import builder
from system.operations.read_models import progress_of
from system.recovery.read_models.building import rebuild
from system.recovery.read_models.dropping import drop
from system.recovery.read_models.switching import switch
from tests.support.agreement import PROJECTIONS, live_rows, rebuilt_rows
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import UnderOurRunner, Way
from tests.system.followers.test_versions import rows

OpenWay = Callable[..., Way]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build has many pages also where there are few events."""
    monkeypatch.setattr(builder, "FIRST_PAGE", 20)
    monkeypatch.setattr(builder, "PAGE_BYTES", 20_000)


@contextmanager
def customers(shop: Shop, *, at_once: int = 2) -> Iterator[list[Exception]]:
    """People who place orders and look at the dashboard, all the time; what went wrong for them."""
    wrong: list[Exception] = []
    goes_home = threading.Event()

    def is_busy(number: int) -> None:
        count = 0
        while not goes_home.is_set():
            try:
                shop.order("TEAPOT", ref=f"{number}-{count}", pays="pm_ok" if count % 3 else "pm_declined")
                shop.orderwright.dashboard.list_orders(OrderQuery(), PageRequest(limit=20))
                shop.orderwright.dashboard.count_by_status()
            except Exception as error:
                wrong.append(error)
                return
            count += 1
            goes_home.wait(0.02)  # people who never pause would outrun any reader

    threads = [threading.Thread(target=is_busy, args=(number,)) for number in range(at_once)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        goes_home.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def shop(store_of_its_own: Environment, open_way: OpenWay) -> Shop:
    """A shop that runs, with forty orders in its past."""
    made = Shop(open_way(UnderOurRunner, store_of_its_own))
    made.receive("TEAPOT", 100_000)
    for number in range(40):
        made.order("TEAPOT", ref=f"earlier-{number}")
    return made


def is_level(shop: Shop, name: str, version: int) -> bool:
    """Whether a version tells of every event."""
    read, there = progress_of(shop.orderwright, shop.orderwright.read_models[name], version)
    return read == there


def test_while_orders_come_in_a_version_is_built_switched_to_and_back_and_nothing_is_lost(shop: Shop) -> None:
    orderwright, name = shop.orderwright, "OrderDashboard"
    with customers(shop) as wrong:
        built = rebuild(orderwright, name, shop.context("olga"))
        assert (built.is_ready, built.version, built.failures) == (True, 2, 0)
        switch(orderwright, name, shop.context("olga"), "to try it")
        wait_until(lambda: orderwright.dashboard.versions.used == 2)
        orders = len(rows(shop, name, 2)["order_dashboard"])
        wait_until(lambda: wrong or len(rows(shop, name, 2)["order_dashboard"]) > orders + 5)
        switch(orderwright, name, shop.context("olga"), "to go back", 1)
        wait_until(lambda: orderwright.dashboard.versions.used == 1)
    shop.settle()

    assert wrong == []
    expected = rebuilt_rows(orderwright)["order_dashboard"]
    assert live_rows(orderwright)["order_dashboard"] == expected
    wait_until(lambda: is_level(shop, name, 2), what="the version that is not served any more is level")
    assert rows(shop, name, 1) == rows(shop, name, 2)


def test_every_read_model_is_built_anew_and_kept_up_to_date_until_it_is_served(shop: Shop) -> None:
    orderwright = shop.orderwright
    with customers(shop) as wrong:
        for name in PROJECTIONS:
            rebuild(orderwright, name, shop.context("olga"))
    shop.settle()
    assert wrong == []
    for name in PROJECTIONS:
        wait_until(lambda: is_level(shop, name, 2), what=f"the new version of {name} is level")  # noqa: B023
        assert rows(shop, name, 1) == rows(shop, name, 2), name
        switch(orderwright, name, shop.context("olga"), "")
        drop(orderwright, name, 1, shop.context("olga"))
    shop.settle()
    last = shop.order("TEAPOT", ref="last")
    shop.settle()
    assert shop.dashboard(OrderQuery(sort="-created_at"))[str(last)].status == "CONFIRMED"
    assert live_rows(orderwright) == rebuilt_rows(orderwright)
