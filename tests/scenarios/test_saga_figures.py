"""The figures of the sagas, on every store: what is counted, how it is grouped, and how long sagas took."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.fulfilment import PROCESS_PAYMENT
from domain.shared.causes import Cause, because_of
from system.operations.figures import SagaFigures, saga_figures
from system.projections.saga_log.figures import ReasonFigures, count_confirmed
from tests.support.by_hand import clock, gateway, shop, way
from tests.support.clocks import StandingClock
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import ByHand

__all__ = ["clock", "gateway", "shop", "way"]


def figures(shop: Shop) -> SagaFigures:
    """The figures of all sagas."""
    return saga_figures(shop.orderwright)


def taking(shop: Shop, way: ByHand, clock: StandingClock, seconds: float, pays: str = "pm_ok") -> UUID:
    """An order whose payment is answered after so many seconds."""
    order = shop.order("CD-X1", pays=pays)
    way.level()
    clock.put_forward(seconds)
    way.call_gateway()
    way.level()
    return order


def test_of_an_empty_shop_there_is_nothing_to_tell(shop: Shop) -> None:
    told = figures(shop)
    assert (told.started, told.completed, told.failed, told.running, told.waiting) == (0, 0, 0, 0, 0)
    assert (told.failure_rate, told.compensations.success_rate, told.oldest_open) == (None, None, None)
    assert (told.time_to_settle.all.count, told.time_to_settle.all.p99_seconds) == (0, None)
    assert (told.reasons, told.other_reasons) == ((), 0)
    assert [step.step for step in told.steps] == ["ProcessPayment", "ReserveInventory"]
    assert set(told.by_status.values()) == {0}


def test_every_end_of_a_saga_is_counted_once(shop: Shop, way: ByHand) -> None:
    shop.order("CD-X1")
    shop.order("CD-X1", pays="pm_error_once")
    shop.order("CD-X1", pays="pm_declined")
    shop.order(("CD-X1", 9), pays="pm_refund_fails_once")
    shop.order(("CD-X1", 9), pays="pm_refund_fails")
    shop.settle()
    under_way = shop.order("CD-X1")
    way.level()

    told = figures(shop)
    assert (told.started, told.completed, told.failed, told.compensated) == (6, 2, 2, 1)
    assert (told.running, told.waiting) == (1, 1)
    assert told.failure_rate == 0.5
    assert told.by_status["PAYMENT_PENDING"] == told.by_status["COMPENSATING"] == 1
    undone = told.compensations
    assert (undone.attempts, undone.successes, undone.failures, undone.success_rate) == (2, 1, 1, 0.5)
    assert told.oldest_open is not None
    assert told.oldest_open.order_id != str(under_way)


def test_each_step_has_its_own_figures(shop: Shop) -> None:
    shop.order("CD-X1", pays="pm_error_once")
    shop.order("CD-X1", pays="pm_declined")
    shop.order(("CD-X1", 9), pays="pm_refund_fails_once")
    shop.settle()
    payment, inventory = figures(shop).steps
    assert (payment.attempts, payment.setbacks, payment.completed, payment.failed) == (3, 1, 2, 1)
    assert (payment.compensation_attempts, payment.compensation_setbacks) == (1, 1)
    assert (payment.compensated, payment.compensation_failed) == (1, 0)
    assert (inventory.attempts, inventory.completed, inventory.failed) == (2, 1, 1)
    assert inventory.compensation_attempts == 0


def test_reasons_are_grouped_by_what_stands_before_the_colon(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.order("CD-X1", pays="pm_declined")
    shop.order("CD-X1", pays="pm_sea_shells")
    shop.order(("CD-X1", 6))
    shop.order(("CD-X1", 7))
    shop.settle()
    for reason in ("changed my mind", "50 % off elsewhere"):
        order = shop.order("CD-X1")
        shop.cancel(order, reason)
    shop.settle()

    told = figures(shop)
    assert told.reasons[:2] == (ReasonFigures("not enough stock", 2), ReasonFigures("payment declined", 2))
    assert {(one.reason, one.count) for one in told.reasons[2:]} == {
        ("changed my mind", 1),
        ("50 % off elsewhere", 1),
    }
    assert told.other_reasons == 0
    monkeypatch.setattr("system.operations.figures.MAX_REASONS", 2)
    assert (len(figures(shop).reasons), figures(shop).other_reasons) == (2, 2)


def test_the_time_to_settle_runs_from_the_order_to_the_last_answer(
    shop: Shop, way: ByHand, clock: StandingClock
) -> None:
    for seconds in (0.004, 0.25, 1.5, 61.2):
        taking(shop, way, clock, seconds)
    taking(shop, way, clock, 3, pays="pm_declined")

    times = figures(shop).time_to_settle
    assert (times.all.count, times.all.p50_seconds, times.all.p99_seconds) == (5, 1.5, 61)
    assert (times.completed.count, times.completed.p50_seconds) == (4, 0.25)
    assert (times.failed.count, times.failed.p50_seconds, times.failed.p99_seconds) == (1, 3, 3)


def test_one_slow_saga_in_a_hundred_is_beyond_the_99th(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    slow = taking(shop, way, clock, 30)
    shop.cancel(slow)
    shop.receive("CD-X1", 100)
    for _ in range(99):
        shop.order("CD-X1")
    way.level()
    clock.put_forward(2)
    way.call_gateway()
    way.level()
    times = figures(shop).time_to_settle.all
    assert (times.count, times.p50_seconds, times.p99_seconds) == (100, 2, 2)
    taking(shop, way, clock, 30)
    assert figures(shop).time_to_settle.all.p99_seconds == 30


def test_since_a_time_only_what_started_then_counts(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    taking(shop, way, clock, 7, pays="pm_declined")
    waits = shop.order(("CD-X1", 9), pays="pm_refund_fails")
    shop.settle()
    clock.put_forward(60)
    noon = clock.now
    taking(shop, way, clock, 2)
    shop.order("CD-X1")
    way.level()

    told = saga_figures(shop.orderwright, noon)
    assert (told.since, told.started, told.completed, told.failed) == (noon, 2, 1, 0)
    assert (told.running, told.waiting, told.reasons) == (1, 0, ())
    assert told.time_to_settle.all.p99_seconds == 2
    assert [step.attempts for step in told.steps] == [2, 1]
    assert told.compensations.attempts == 0
    assert figures(shop).started == 4
    oldest = figures(shop).oldest_open
    assert oldest is not None
    assert (oldest.order_id, oldest.status) == (str(waits), "COMPENSATING")
    assert oldest.age_seconds == (clock.now - oldest.started_at).total_seconds() > 60
    assert saga_figures(shop.orderwright, clock.now + timedelta(hours=1)).started == 0


def test_a_saga_that_is_unwound_after_its_end_ends_a_second_time(
    shop: Shop, way: ByHand, clock: StandingClock
) -> None:
    order = taking(shop, way, clock, 1)
    assert (figures(shop).completed, figures(shop).failed) == (1, 0)
    clock.put_forward(3600)
    shop.cancel(order)
    shop.settle()
    told = figures(shop)
    assert (told.completed, told.failed, told.compensated) == (0, 1, 1)
    assert [step.compensated for step in told.steps] == [1, 1]
    assert told.time_to_settle.failed.p50_seconds == 3601
    assert shop.view(order).created_at == FRIDAY_NOON


def test_an_order_that_was_confirmed_counts_as_such_for_ever(shop: Shop) -> None:
    dashboard = shop.orderwright.dashboard
    stays, goes = shop.order("CD-X1"), shop.order("CD-X1")
    shop.order("CD-X1", pays="pm_declined")
    assert count_confirmed(dashboard) == 0
    shop.settle()
    assert count_confirmed(dashboard) == 2

    shop.cancel(goes)
    shop.cancel(shop.order("CD-X1"))
    shop.settle()
    assert (shop.status(stays), shop.status(goes)) == ("CONFIRMED", "CANCELLED")
    assert count_confirmed(dashboard) == 2


def test_who_was_helped_waits_no_longer(shop: Shop) -> None:
    order = shop.order(("CD-X1", 9), pays="pm_refund_fails")
    shop.settle()
    assert figures(shop).waiting == 1

    fulfilments = shop.orderwright.fulfilments
    saga = fulfilments.of_order(order)
    help_came = Cause.command(time=FRIDAY_NOON, correlation_id=order, command_id="by-hand", user="wanda")
    with because_of(help_came):
        saga.step_compensated(PROCESS_PAYMENT)
    fulfilments.save(saga)
    shop.settle()

    told = figures(shop)
    assert (told.waiting, told.failed, told.compensated) == (0, 1, 1)
    assert (told.compensations.successes, told.compensations.failures) == (1, 1)
    assert (told.compensations.success_rate, told.oldest_open) == (1.0, None)
