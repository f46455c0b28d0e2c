"""The doctor looks at settings, store, positions and followers, and never falls ill itself."""

from collections.abc import Callable
from typing import Any

import pytest
from eventsourcing.persistence import Tracking

from system.definition import orderwright as definition
from system.leases import postgres as postgres_leases
from system.operations.doctor import DoctorReport, Verdict, examine
from system.operations.positions import positions
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.ways import ByHand, Way

OpenWay = Callable[..., Way]


def verdicts(report: DoctorReport) -> dict[str, str]:
    """How each check came out."""
    return {check.name: str(check.status) for check in report.checks}


def test_of_a_store_where_all_is_well_it_says_so(persistence: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(ByHand, persistence))
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    shop.settle()

    report = examine(persistence)
    assert report.is_healthy
    # Events in memory end with the process, and the server of the tests may end with the power.
    accepted = {"runner", "durability", "database"}
    assert {name for name, verdict in verdicts(report).items() if verdict != "ok"} <= accepted
    assert {"settings", "store", "runner", "positions", "parked events", "fulfilments", "progress"} <= set(
        verdicts(report)
    )
    assert report.parked == ()


def test_it_counts_what_is_still_to_be_handled(durable_persistence: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(ByHand, durable_persistence))
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")

    report = examine(durable_persistence)
    assert report.is_healthy
    assert report.followers is not None
    lags = {
        (each.leader, one.follower): each.events_to_handle
        for one in report.followers.followers
        for each in one.leaders
        if each.events_to_handle
    }
    assert lags == {  # the saga has nothing to do with goods that are received
        ("Orders", "OrderFulfilment"): 1,
        ("Orders", "OrderDashboard"): 1,
        ("Inventory", "StockLevels"): 2,
    }
    assert "4 events still to be handled" in next(c.detail for c in report.checks if c.name == "positions")


def test_a_position_ahead_of_its_log_is_a_problem(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    recorder: Any = open_way(ByHand, durable_persistence).orderwright.stock_levels.recorder
    recorder.insert_tracking(Tracking("Inventory", 7))

    report = examine(durable_persistence)
    assert verdicts(report)["positions"] == "problem"
    assert "StockLevels in Inventory (7 > 0)" in next(
        c.detail for c in report.checks if c.name == "positions"
    )


def test_it_sees_whether_a_process_follows(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_leases, "TIME_TO_LIVE_SECONDS", PATIENCE_SECONDS)
    some = open_way(ByHand, durable_persistence).orderwright.leases(["Orders", "SagaLog"])
    rest = open_way(ByHand, durable_persistence).orderwright.leases(
        [name for name in definition.followers if name not in ("Orders", "SagaLog")]
    )
    assert runner_check(durable_persistence) == (
        "warning",
        "no process runs any follower: orders wait until one does",
    )
    rest.renew(())
    assert runner_check(durable_persistence) == (
        "warning",
        "no process runs Orders, SagaLog: orders wait until one does",
    )
    some.renew(())
    assert runner_check(durable_persistence)[0] == "ok"
    some.release()
    rest.release()
    assert runner_check(durable_persistence)[0] == "warning"


def runner_check(environment: Environment) -> tuple[str, str]:
    """What the doctor says about who runs the followers."""
    check = next(check for check in examine(environment).checks if check.name == "runner")
    return check.status, check.detail


def test_what_makes_no_progress_is_a_problem_and_named(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, durable_persistence, clock=StandingClock())
    shop = Shop(way)
    assert isinstance(way, ByHand)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    while sum(way.advance(follower) for follower in way.runner.loops if follower != "Payments"):
        pass

    report = examine(durable_persistence)  # long after that Friday
    assert verdicts(report)["progress"] == "problem"
    told = {check.name: check.detail for check in report.checks}
    assert f"order {order}, ProcessPayment EXECUTING since 2024-05-17 12:00:00" in told["progress"]
    assert verdicts(report)["positions"] == "warning"  # it is no riddle why: nobody runs it
    assert "Payments at 0 of OrderFulfilment since 2024-05-17 12:00:00" in told["positions"]

    leases = way.orderwright.leases()
    leases.renew(())
    assert verdicts(examine(durable_persistence))["positions"] == "problem"
    leases.release()


def test_events_that_end_with_the_process_are_worth_a_warning(in_memory: Environment) -> None:
    assert verdicts(examine(in_memory))["durability"] == "warning"


@pytest.mark.parametrize(
    ("environment", "check"),
    [
        ({"ORDERWRIGHT_PAGE_SIZE": "many"}, "settings"),
        ({"ORDERWRIGHT_DATA": "/proc/self/nowhere"}, "store"),
        (
            {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_HOST": "/nowhere",
                "POSTGRES_DBNAME": "shop",
                "POSTGRES_USER": "shop",
            },
            "store",
        ),
    ],
)
def test_what_cannot_even_be_opened_is_a_problem_and_no_exception(
    environment: Environment, check: str
) -> None:
    report = examine(environment)
    assert not report.is_healthy
    assert report.checks[-1].name == check
    assert report.checks[-1].status is Verdict.PROBLEM


def test_every_follower_has_a_position_in_every_log_it_follows(
    persistence: Environment, open_way: OpenWay
) -> None:
    where = positions(open_way(ByHand, persistence).orderwright)
    assert len(where) == 13
    assert {(one.position, one.head, one.is_level) for one in where} == {(0, 0, True)}
