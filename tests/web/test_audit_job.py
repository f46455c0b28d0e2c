"""The audit of everything over HTTP: one at a time, beside the requests, and nobody waits long for it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from system.audit import job
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import UnderOurRunner
from tests.web.api import Answer, Api
from web.api.app import create_app

AUDIT = "/operations/audit"


class SlowLog:
    """The log of orders on a disk that answers when a test says so; counts who reads it from the start."""

    def __init__(self, recorder: Any) -> None:
        self.may_answer = threading.Event()
        self.audits = 0
        self.fails = False
        self._select_log, recorder.select_log = recorder.select_log, self._slowly

    def _slowly(self, after: int, limit: int) -> Any:
        self.audits += after == 0
        assert self.may_answer.wait(PATIENCE_SECONDS)
        if self.fails:
            raise OperationalError("the disk is gone")
        return self._select_log(after, limit)


@pytest.fixture
def slow(live_api: Api, live: UnderOurRunner, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowLog]:
    """A shop at rest, whose log of orders is slow from now on. Nobody waits long for an audit."""
    monkeypatch.setattr(job, "WAITED_FOR_SECONDS", 0.02)
    live_api.receive()
    for _ in range(3):
        live_api.placed()
    live.settle()
    live.runner.stop()
    slow = SlowLog(live.orderwright.orders.recorder)
    yield slow
    slow.may_answer.set()


@pytest.fixture
def ask(live: UnderOurRunner) -> Any:
    """Ask for the audit of one process, from any thread."""
    app = create_app(live.orderwright)
    return lambda: Api(app.test_client(), live.orderwright).get(AUDIT)


def test_eight_who_ask_at_once_share_one_audit(slow: SlowLog, ask: Any, live_api: Api) -> None:
    with ThreadPoolExecutor(8) as clients:
        answers: list[Answer] = [future.result(30) for future in [clients.submit(ask) for _ in range(8)]]

    for answer in answers:
        assert (answer.status, answer.code) == (503, "audit_under_way")
        assert 1 <= int(answer.header("Retry-After") or 0) <= 30
        assert answer.json["stage"] == "Reading events"
        assert 0 == answer.json["done"] <= answer.json["whole"]
    assert slow.audits == 1
    assert live_api.place().status == 201  # everything else goes on

    slow.may_answer.set()
    wait_until(lambda: ask().status == 200, what="the audit is over")
    report = ask()
    assert (report.json["is_clean"], report.json["orders"]) == (True, 3)  # as it began
    assert report.header("Age") == "0"
    assert report.json == ask().json  # those who were told to come back find the same report
    assert slow.audits == 1


def test_a_report_is_kept_for_a_minute(slow: SlowLog, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask().status == 503
    slow.may_answer.set()
    wait_until(lambda: ask().status == 200, what="the audit is over")
    monkeypatch.setattr(job, "KEPT_SECONDS", 0.0)
    wait_until(lambda: ask().status in (200, 503) and slow.audits > 1, what="another audit")


def test_an_audit_that_failed_is_told_and_made_anew(slow: SlowLog, ask: Any) -> None:
    slow.fails = True
    assert ask().status == 503
    slow.may_answer.set()
    wait_until(lambda: ask().code == "store_unavailable", what="the failure is told")
    slow.fails = False
    wait_until(lambda: ask().status == 200, what="another audit is over")


def test_an_audit_of_one_order_waits_for_no_other(slow: SlowLog, ask: Any, live_api: Api) -> None:
    order = live_api.placed()
    assert ask().code == "audit_under_way"
    assert live_api.get(f"{AUDIT}?order_id={order}").json["orders"] == 1
    assert slow.audits == 1


def test_a_small_store_is_audited_anew_for_each_who_asks(live_api: Api, live: UnderOurRunner) -> None:
    live_api.receive()
    for orders in range(1, 4):
        live_api.placed()
        live.settle()
        answer = live_api.get(AUDIT)
        assert (answer.status, answer.json["orders"], answer.header("Age")) == (200, orders, "0")


def test_an_audit_rests_after_each_hundred_events(live_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that whoever waits for the processor has it then."""
    for number in range(301):
        live_api.receive(f"P{number}")
    rests: list[float] = []
    monkeypatch.setattr(job, "_rest", lambda seconds: rests.append(seconds))
    assert live_api.get(AUDIT).json["products"] == 301
    assert len(rests) >= 7
    assert min(rests) > 0
