"""Requests that wait or take long leave threads for the others; those too many are told at once."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

from system.observability import prometheus
from tests.support.clocks import StandingClock
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way
from tests.web.api import Answer, Api
from web.api.app import create_app
from web.api.waiting import WAITING, Waiting

THREADS = 4
PATIENT = {
    "PERSISTENCE_MODULE": "eventsourcing.popo",
    "ORDERWRIGHT_API_THREADS": str(THREADS),
    "ORDERWRIGHT_CONSISTENCY_WAIT_SECONDS": "60",
}


@pytest.fixture
def way(open_way: Callable[..., Way], clock: StandingClock) -> ByHand:
    """A system that nobody follows, whose readers would wait for a minute."""
    way = open_way(ByHand, PATIENT, None, clock)
    assert isinstance(way, ByHand)
    return way


@pytest.fixture
def app(way: ByHand) -> Flask:
    return create_app(way.orderwright)


@pytest.fixture
def ask(app: Flask, way: ByHand) -> Iterator[Callable[..., Future[Answer]]]:
    """Ask for something in a thread of its own."""
    with ThreadPoolExecutor(10) as clients:
        yield lambda path, **headers: clients.submit(
            lambda: Api(app.test_client(), way.orderwright).get(path, **headers)
        )


@pytest.fixture
def api(app: Flask, way: ByHand) -> Api:
    return Api(app.test_client(), way.orderwright)


def waiting(app: Flask) -> Waiting:
    found = app.extensions[WAITING]
    assert isinstance(found, Waiting)
    return found


def is_full(app: Flask) -> bool:
    with waiting(app).place() as has_place:
        return not has_place


def test_half_of_the_threads_wait_for_a_read_model_and_the_next_is_told_at_once(
    app: Flask, api: Api, way: ByHand, ask: Callable[..., Future[Answer]]
) -> None:
    token = api.place().header("Consistency-Token") or ""
    waiters = [ask("/orders", Consistency_Token=token) for _ in range(THREADS // 2)]
    wait_until(lambda: is_full(app), what="both wait")

    one_more = ask("/orders", Consistency_Token=token).result(30)
    assert (one_more.status, one_more.code) == (503, "read_model_behind")
    assert one_more.header("Retry-After") == "1"
    assert api.get("/orders").status == 200
    api.receive()
    assert api.get("/stock/TEA").code == "product_not_found"  # as it is: nobody waits for it either

    way.advance("OrderDashboard")
    assert [len(waiter.result(30).json["items"]) for waiter in waiters] == [1, 1]
    assert len(api.get("/orders", Consistency_Token=token).json["items"]) == 1


def test_who_need_not_wait_needs_no_place(app: Flask, api: Api, way: ByHand) -> None:
    token = api.place().header("Consistency-Token") or ""
    way.advance("OrderDashboard")
    with ExitStack() as taken:
        for _ in range(THREADS // 2):
            assert taken.enter_context(waiting(app).place())
        assert len(api.get("/orders", Consistency_Token=token).json["items"]) == 1


COSTLY = [
    "/operations/figures",
    "/operations/snapshots",
    "/operations/projections",
    "/operations/projections/OrderDashboard",
    "/operations/followers",
    "/operations/dead-letters",
    "/operations/dead-letters/OrderDashboard:Orders:1",
    "/events?since=2024-05-17T00:00:00Z",
    "/events/catalogue",
    "/events?user=ada",  # in memory there is no index
    "/history/order:web-1",
    "/history/order:web-1/diff?from=1&to=2",
]


@pytest.mark.parametrize("path", COSTLY)
def test_what_looks_through_much_of_the_store_is_done_one_at_a_time(
    app: Flask, api: Api, ask: Callable[..., Future[Answer]], path: str
) -> None:
    alone = api.get(path).status
    with waiting(app).turn():
        waiters = [ask(path) for _ in range(THREADS // 2)]
        wait_until(lambda: is_full(app), what="both wait for their turn")
        refused = ask(path).result(30)
        assert (refused.status, refused.code) == (503, "busy")
        assert refused.header("Retry-After") == "1"
        assert api.get("/events?limit=1").status == 200

    assert [waiter.result(30).status for waiter in waiters] == [alone, alone]


def test_what_is_stuck_takes_its_turn_and_plain_readiness_none(app: Flask) -> None:
    with waiting(app).turn(), ExitStack() as taken:
        for _ in range(THREADS // 2):
            taken.enter_context(waiting(app).place())
        assert b"checks" in app.test_client().get("/readyz").data
        assert b'"code":"busy"' in app.test_client().get("/readyz?verbose").data


def test_of_several_scrapes_one_looks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told what was told last, rather than keeping a thread each."""
    monkeypatch.setattr(prometheus, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(prometheus, "KEPT_FOR_LOOKS", 0)
    exposition: Any = app.extensions["exposition"]
    looks, may_look = [], threading.Event()
    look = exposition._look

    def slow_look() -> Any:
        looks.append(time.monotonic())
        assert may_look.wait(PATIENCE_SECONDS)
        return look()

    may_look.set()
    first = app.test_client().get("/metrics").text
    may_look.clear()
    exposition._look = slow_look
    with ThreadPoolExecutor(1) as client, ExitStack() as taken:
        slow = client.submit(lambda: app.test_client().get("/metrics").text)
        wait_until(lambda: looks, what="it looks")
        while taken.enter_context(waiting(app).place()):
            pass
        assert app.test_client().get("/metrics").text == first
        may_look.set()
        assert slow.result(30).startswith("# HELP")
    assert len(looks) == 1
