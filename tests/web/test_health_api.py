"""Is it alive, and is it ready? The answer names each check."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from system.bootstrap import Orderwright, build
from system.leases.lease import LeasesUnavailable
from system.runner.service import RunnerService
from system.settings.environment import Settings
from tests.support.ways import ByHand
from tests.web.api import Answer, Api
from web.api.app import create_app


@pytest.fixture
def open_system(tmp_path: Path) -> Iterator[Callable[[], tuple[Orderwright, RunnerService]]]:
    """Opens systems over the same SQLite files, each with a runner service that is not started."""
    opened: list[tuple[Orderwright, RunnerService]] = []

    def make() -> tuple[Orderwright, RunnerService]:
        orderwright = build(Settings.from_environment({"ORDERWRIGHT_DATA": str(tmp_path / "var")}))
        opened.append((orderwright, RunnerService(orderwright)))
        return opened[-1]

    yield make
    for orderwright, service in opened:
        service.stop()
        orderwright.close()


def _ready(orderwright: Orderwright, service: RunnerService | None) -> tuple[int, dict[str, bool]]:
    answer = Answer(create_app(orderwright, service).test_client().get("/readyz"))
    assert answer.json["status"] == ("ready" if answer.status == 200 else "not_ready")
    return answer.status, {check["name"]: check["ok"] for check in answer.json["checks"]}


def test_a_process_that_answers_is_alive(api: Api) -> None:
    answer = Answer(api.client.get("/livez"))
    assert (answer.status, answer.json) == (200, {"status": "alive"})


def test_a_process_that_only_serves_is_ready_while_others_follow(
    open_system: Callable[[], tuple[Orderwright, RunnerService]],
) -> None:
    orderwright, _ = open_system()
    assert _ready(orderwright, None) == (503, {"store": True, "runner": False, "logs": True})
    _, elsewhere = open_system()
    elsewhere.start()
    assert _ready(orderwright, None) == (200, {"store": True, "runner": True, "logs": True})
    elsewhere.stop()
    assert _ready(orderwright, None) == (503, {"store": True, "runner": False, "logs": True})


def test_followers_that_nobody_runs_are_named(
    open_system: Callable[[], tuple[Orderwright, RunnerService]],
) -> None:
    orderwright, _ = open_system()
    known = set(orderwright.leases().owners())
    service = RunnerService(orderwright, orderwright.leases(sorted(known - {"SagaLog", "Orders"})))
    service.start()
    answer = Answer(create_app(orderwright, service).test_client().get("/readyz"))
    service.stop()
    assert answer.status == 503
    assert {"name": "runner", "ok": False, "detail": "no process runs Orders, SagaLog"} in answer.json[
        "checks"
    ]


def test_that_it_cannot_be_told_who_follows_is_not_told_with_reasons(
    open_system: Callable[[], tuple[Orderwright, RunnerService]], monkeypatch: pytest.MonkeyPatch
) -> None:
    orderwright, service = open_system()

    def unavailable() -> None:
        raise LeasesUnavailable("host 10.0.0.7")

    monkeypatch.setattr(service.leases, "owners", unavailable)
    answer = Answer(create_app(orderwright, service).test_client().get("/readyz"))
    assert answer.status == 503
    assert "which process runs which follower is not known" in answer.response.text
    assert "10.0.0.7" not in answer.response.text


def test_a_process_that_follows_is_ready(
    open_system: Callable[[], tuple[Orderwright, RunnerService]],
) -> None:
    orderwright, service = open_system()
    service.start()
    assert _ready(orderwright, service) == (
        200,
        {"store": True, "runner": True, "logs": True, "followers": True},
    )


def test_a_store_that_nobody_follows_is_not_ready(
    open_system: Callable[[], tuple[Orderwright, RunnerService]],
) -> None:
    orderwright, service = open_system()
    assert _ready(orderwright, service) == (
        503,
        {"store": True, "runner": False, "logs": True, "followers": True},
    )


def test_a_store_that_another_process_follows_is_ready(
    open_system: Callable[[], tuple[Orderwright, RunnerService]],
) -> None:
    _, first = open_system()
    first.start()
    orderwright, second = open_system()
    assert _ready(orderwright, second)[0] == 200
    first.stop()
    assert _ready(orderwright, second)[0] == 503


def test_a_follower_that_pauses_is_named_but_not_why(
    open_system: Callable[[], tuple[Orderwright, RunnerService]], monkeypatch: pytest.MonkeyPatch
) -> None:
    orderwright, service = open_system()
    service.start()
    monkeypatch.setattr(service, "faults", lambda: {"SagaLog": "OperationalError: host 10.0.0.7"})
    answer = Answer(create_app(orderwright, service).test_client().get("/readyz"))
    assert answer.status == 503
    assert "SagaLog" in answer.response.text
    assert "10.0.0.7" not in answer.response.text


def test_what_is_stuck_is_told_when_asked_and_makes_nobody_less_ready(api: Api, idle: ByHand) -> None:
    api.receive()
    api.placed()
    order = api.placed({"sku": "GONE", "quantity": 1, "unit_price": "1.00"}, payment_method="pm_refund_fails")
    idle.settle()
    brief, verbose = (Answer(api.client.get(path)) for path in ("/readyz", "/readyz?verbose"))
    assert brief.json.keys() == {"status", "checks"}
    stuck = verbose.json["stuck"]
    assert (verbose.status, verbose.json) == (brief.status, {**brief.json, "stuck": stuck})
    assert (stuck["waiting"], stuck["waiting_count"], stuck["overdue"]) == ([order], 1, [])
    assert len(stuck["unowned"]) == 9


def test_with_a_store_that_is_away_there_is_nothing_more_to_tell(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("host 10.0.0.7")

    for application in api.orderwright.applications.values():
        monkeypatch.setattr(application.recorder, "max_notification_id", away)
    answer = Answer(api.client.get("/readyz?verbose=1"))
    assert (answer.status, answer.json["stuck"]) == (503, None)
    assert "10.0.0.7" not in answer.response.text


def test_a_store_that_is_away_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("host 10.0.0.7")

    monkeypatch.setattr(api.orderwright.payments.recorder, "max_notification_id", away)
    answer = Answer(api.client.get("/readyz"))
    assert answer.status == 503
    assert answer.json["checks"] == [
        {"name": "store", "ok": False, "detail": "the store of Payments does not answer"}
    ]
