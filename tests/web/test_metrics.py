"""What Prometheus is told: right, in its format, from the store, and of a store that is away as well."""

from collections.abc import Callable

import pytest
from eventsourcing.persistence import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from system.bootstrap import Orderwright
from system.observability import prometheus
from system.observability.metrics import METRICS, Snapshot, snapshot
from system.observability.prometheus import Exposition
from system.operations.stuck import PositionWatch
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.heartbeats import measured
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way
from tests.web.api import Answer, Api
from web.api.app import create_app

Samples = dict[str, float]

NOT_IN_MEMORY = ("orderwright_verification_age_seconds", "orderwright_verification_findings")
"""What is known of verifications is forgotten there; told by `test_verification_api`."""


def parsed(text: str) -> Samples:
    """The samples by name and labels, the values of the labels in the order of their names."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = " ".join(value for _, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('orderwright_')} {labels}".strip()] = sample.value
    return found


def scraped(orderwright: Orderwright) -> Samples:
    """What a scrape of a new process tells."""
    response = create_app(orderwright).test_client().get("/metrics", headers={"Accept": "text/plain"})
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=")
    return parsed(response.text)


def test_a_scrape_tells_how_the_shop_is_doing(
    persistence: Environment, open_way: Callable[..., Way], clock: StandingClock
) -> None:
    way = open_way(ByHand, persistence, None, clock)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 3)
    confirmed = shop.order("CD-X1")
    shop.order("CD-X1", pays="pm_declined")
    shop.order(("CD-X1", 9), pays="pm_refund_fails")
    shop.settle()
    shop.cancel(confirmed)
    shop.settle()
    shop.order("CD-X1")
    for follower in ("OrderFulfilment", "Payments", "PaymentCalls", "SagaLog"):
        way.advance(follower)
    clock.put_forward(20)

    told = scraped(shop.orderwright)
    assert told["store_up"] == 1
    assert told["fulfilments PAYMENT_PENDING"] == told["fulfilments COMPENSATING"] == 1
    assert (told["fulfilments COMPLETED"], told["fulfilments FAILED"]) == (0, 2)
    assert (told["fulfilments_started_total"], told["fulfilments_failed_total"]) == (4, 2)
    assert told["fulfilments_completed_total"] == 1  # it was, and a counter does not fall
    assert told["compensations_attempted_total"] == 3
    assert told["compensations_succeeded_total"] == 2
    assert told["waiting_fulfilments"] == 1
    assert told["stuck_fulfilments"] == 0
    assert told["payment_calls_due"] == 1
    assert told["oldest_open_fulfilment_age_seconds"] > 20
    assert told["follower_lag_events OrderDashboard Orders"] == 1
    assert told["follower_position OrderDashboard Orders"] > 3
    assert told["follower_owned SagaLog"] == 0
    assert told["parked_events Inventory"] == told["held_back_events Inventory"] == 0


def test_every_metric_is_told_and_no_other(api: Api, idle: ByHand) -> None:
    api.receive()
    api.placed()
    idle.settle()
    for loop in idle.runner.loops.values():
        measured(loop)
    text = Answer(api.client.get("/metrics")).response.text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families.keys() == {metric.name.removesuffix("_total") for metric in METRICS} | {
        "orderwright_store_up"
    }
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (str(metric.kind), metric.help)
        assert family.samples or metric.name in NOT_IN_MEMORY, metric.name
        assert all(tuple(sample.labels) == metric.labels for sample in family.samples)
        assert all(sample.name == metric.name for sample in family.samples)


def test_the_time_to_settle_is_that_of_the_last_hour(idle: ByHand, clock: StandingClock) -> None:
    shop = Shop(idle)
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    idle.level()
    clock.put_forward(4)
    shop.settle()
    told = scraped(idle.orderwright)
    assert told["fulfilment_settle_seconds 0.5"] == told["fulfilment_settle_seconds 0.99"] == 4
    clock.put_forward(3600)
    assert "fulfilment_settle_seconds 0.5" in scraped(idle.orderwright)
    clock.put_forward(1)
    assert not any("settle" in name for name in scraped(idle.orderwright))


def test_a_follower_that_does_not_move_is_told_from_the_second_look_on(
    idle: ByHand, clock: StandingClock
) -> None:
    Shop(idle).order("CD-X1")
    clock.put_forward(60)
    time = [0.0]
    watch = PositionWatch(lambda: time[0])
    exposition = Exposition(lambda: snapshot(idle.orderwright, None, watch), lambda: time[0])
    stuck = "follower_stuck OrderDashboard Orders"
    assert parsed(exposition.text().decode())[stuck] == 0
    time[0] = 15.0
    assert parsed(exposition.text().decode())[stuck] == 1
    idle.level()
    time[0] = 30.0
    assert parsed(exposition.text().decode())[stuck] == 0


def test_the_store_is_asked_once_a_second_at_most(idle: ByHand) -> None:
    looks: list[Snapshot] = []
    time = [0.0]

    def look() -> Snapshot:
        looks.append(snapshot(idle.orderwright, None, PositionWatch()))
        return looks[-1]

    exposition = Exposition(look, lambda: time[0])
    for now, expected in ((0, 1), (0.9, 1), (prometheus.KEPT_SECONDS, 2), (1.5, 2)):
        time[0] = now
        exposition.text()
        assert len(looks) == expected


def test_of_a_store_that_is_away_that_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("host 10.0.0.7")

    monkeypatch.setattr(api.orderwright.saga_log.recorder, "rows", away)
    answer = api.client.get("/metrics")
    assert (answer.status_code, parsed(answer.text)) == (200, {"store_up": 0})
    assert "10.0.0.7" not in answer.text


def test_json_is_still_all_that_other_routes_speak(api: Api) -> None:
    assert api.client.get("/readyz", headers={"Accept": "text/plain"}).status_code == 406
    assert (
        api.client.get("/metrics?x=1", headers={"Accept": "application/openmetrics-text"}).status_code == 200
    )


def test_on_a_store_that_takes_long_to_look_at_metrics_are_kept_longer(idle: ByHand) -> None:
    """Whoever scrapes how often, most of the time is left to others."""
    now, looks = [0.0], []

    def look_for_three_seconds() -> Snapshot:
        looks.append(now[0])
        now[0] += 3
        return snapshot(idle.orderwright, None, PositionWatch())

    exposition = Exposition(look_for_three_seconds, lambda: now[0])
    for later in (0, 0, 5, 5, 1.9, 0.2):
        now[0] += later
        exposition.text()
    assert looks == pytest.approx([0, 15.1])
