"""`orderwright followers list`, and that API, metrics and doctor say the same."""

import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from system.bootstrap import build
from system.settings.environment import Settings
from tests.support.heartbeats import measured
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand
from web.api.app import create_app

from .console import Console


def told(console: Console) -> dict[str, Any]:
    """The report, by follower."""
    return {one["follower"]: one for one in console.json("followers", "list")["followers"]}


def where(console: Console, state: str) -> set[str]:
    """The followers that are so."""
    return {name for name, one in told(console).items() if one["state"] == state}


def test_two_processes_one_of_which_is_killed(console: Console) -> None:
    console("settings")
    dying = console.start("runner", "--only", "SagaLog")
    wait_until(lambda: where(console, "running") == {"SagaLog"})
    others = sorted(told(console).keys() - {"SagaLog"})
    living = console.start("runner", "--only", *others)
    wait_until(lambda: where(console, "running") == {"SagaLog", *others})
    wait_until(lambda: told(console)["Payments"]["heartbeat"])
    wait_until(lambda: told(console)["SagaLog"]["heartbeat"])
    by_whom = {name: one["heartbeat"]["process"].split(":")[-1] for name, one in told(console).items()}
    assert by_whom["SagaLog"] == str(dying.pid)
    assert by_whom["Payments"] == str(living.pid)

    dying.kill()
    wait_until(lambda: where(console, "not_run") == {"SagaLog"})
    why = told(console)["SagaLog"]["why"]
    assert f":{dying.pid} ran it until" in why
    text = console("followers", "list").stdout
    assert f"SagaLog: {why}"[:40] in text

    heir = console.start("runner", "--only", "SagaLog")
    wait_until(lambda: told(console)["SagaLog"]["heartbeat"]["process"].endswith(f":{heir.pid}"))
    assert where(console, "running") == {"SagaLog", *others}


def test_command_line_api_metrics_and_doctor_tell_the_same(console: Console) -> None:
    orderwright = build(Settings.from_environment(console.environment))
    way = ByHand.__new__(ByHand)
    way.orderwright = orderwright
    way.restart()
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    way.advance("OrderFulfilment")
    for loop in way.runner.loops.values():
        measured(loop)
    client = create_app(orderwright).test_client()
    by_api = without_ages(json.loads(client.get("/api/v1/operations/followers").data)["followers"])
    by_doctor = without_ages(console.json("doctor")["followers"]["followers"])
    by_command = without_ages(console.json("followers", "list")["followers"])
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    orderwright.close()

    assert by_api == by_doctor == by_command
    lags = {
        (one["follower"], each["leader"]): each["events_to_handle"]
        for one in by_api
        for each in one["leaders"]
    }
    assert {key: lag for key, lag in lags.items() if lag} == {
        ("OrderDashboard", "Orders"): 1,
        ("OrderDashboard", "OrderFulfilment"): 2,
        ("Payments", "OrderFulfilment"): 1,
        ("SagaLog", "OrderFulfilment"): 2,
        ("StockLevels", "Inventory"): 2,
    }
    by_metrics = {
        (sample.labels["follower"], sample.labels["leader"]): sample.value
        for sample in samples
        if sample.name == "orderwright_follower_lag_events"
    }
    assert by_metrics == lags
    beating = {
        sample.labels["follower"]
        for sample in samples
        if sample.name == "orderwright_follower_heartbeat_age_seconds"
    }
    assert beating == {one["follower"] for one in by_api if one["heartbeat"]}


def without_ages(followers: list[Any]) -> list[Any]:
    """The same without what grows from one look to the next."""
    for one in followers:
        one["why"] = (one["why"] or "").split(" until ")[0]
        one["heartbeat"].pop("age_seconds")
        for each in one["leaders"]:
            assert (each.pop("oldest_age_seconds") is not None) is (each["events_to_handle"] > 0)
    return followers


def test_it_is_looked_again_until_somebody_stops_it(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("web.cli.followers.time.sleep", pause)
    text = console("followers", "list", "--watch", code=130).stdout
    assert text.count("OrderDashboard") >= 2
    assert looks == [2.0, 2.0]


def test_a_store_of_an_earlier_release_gets_the_table(console: Console) -> None:
    console("followers", "list")
    forget(console)
    assert all(one["heartbeat"] is None for one in told(console).values())
    console("demo", "--orders", 1)
    assert all(one["heartbeat"] is not None for one in told(console).values())


def forget(console: Console) -> None:
    """The files are as an earlier release made them."""
    orderwright = build(Settings.from_environment(console.environment))
    for application in orderwright.applications.values():
        recorder: Any = application.recorder
        recorder.transact([("DROP TABLE heartbeats", {})])
    orderwright.close()
