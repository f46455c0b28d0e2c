"""Years of events: what customers see is told for calm times and for builds apart."""

import pytest

from system.bench.customers import Customers, Sample
from system.bench.http import serving
from system.bench.setting import receive_stock
from system.bench.years import KINDS, Built, Times, latencies
from system.bootstrap import build
from system.settings.environment import Settings
from tests.support.agreement import all_orders
from tests.support.fixtures import Environment
from tests.support.waiting import wait_until


def test_customers_order_look_and_wait_for_confirmation_and_tell_what_goes_wrong(
    on_sqlite: Environment,
) -> None:
    orderwright = build(Settings.from_environment(on_sqlite))
    with serving(on_sqlite) as port:
        with Customers(port, 20) as disappointed:  # nothing was received
            wait_until(lambda: disappointed.is_over)
        with pytest.raises(RuntimeError, match="is CANCELLED"):
            disappointed.go_home()

        receive_stock(orderwright)
        with Customers(port, 20) as customers:
            wait_until(lambda: {sample.kind for sample in customers.samples} == set(KINDS))
            samples = customers.go_home()

    placed = sum(1 for sample in samples if sample.kind != "list")
    assert len(all_orders(orderwright)) >= placed
    orderwright.close()
    assert all(sample.seconds > 0 for sample in samples)


def test_requests_are_counted_where_they_were_due() -> None:
    calm, building = Times((0.0, 10.0), (20.0, 30.0)), Times((10.5, 19.5))
    samples = [
        Sample(kind, at, seconds)
        for kind in KINDS
        for at, seconds in [(1.0, 0.01), (25.0, 0.01), (11.0, 0.5), (19.0, 0.5), (19.7, 9.0)]
    ]

    found = latencies(samples, calm, building)

    assert found["years_post_p50"] == {"ours": pytest.approx(10)}
    assert found["years_post_p99_building"] == {"ours": pytest.approx(500)}
    assert len(found) == 4 * len(KINDS)
    with pytest.raises(RuntimeError, match="confirmed_building"):
        latencies([one for one in samples if one.kind != "confirmed" or one.at != 11.0], calm, building)


def test_an_estimate_is_off_in_either_direction() -> None:
    assert Built("Name", 2, 1000, 12.0, 10.0, 90.0).percent_off == pytest.approx(20)
    assert Built("Name", 2, 1000, 8.0, 10.0, 90.0).percent_off == pytest.approx(20)
