"""A rule of the saga that was changed is found in the orders that it concerns, and in no others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.fulfilment import PROCESS_PAYMENT, STEP, STEPS, Fulfilment, fulfilment, interventions
from system.deploying.check import deploy_check
from system.deploying.report import DeployReport, Difference
from system.recovery.interventions import retry_fulfilment
from tests.support.by_hand import clock, gateway, way
from tests.support.running_shop import Shop

from .reports import by_hand_of

__all__ = ["clock", "gateway", "way"]


@pytest.fixture
def orders(shop: Shop) -> dict[str, UUID]:
    """What became of some orders, and one that is under way."""
    shop.receive("CD-X1", 5)
    found = {
        "confirmed": shop.order("CD-X1"),
        "failed once": shop.order("CD-X1", pays="pm_error_once"),
        "declined": shop.order("CD-X1", pays="pm_declined"),
        "short": shop.order(("CD-X1", 6)),
        "cancelled": shop.order("CD-X1"),
    }
    shop.settle()
    shop.cancel(found["cancelled"])
    shop.settle()
    found["under way"] = shop.order("CD-X1")
    by_hand_of(shop).advance("OrderFulfilment")
    assert deploy_check(shop.orderwright).is_same
    return found


def named(report: DeployReport, orders: dict[str, UUID]) -> set[str]:
    """Which orders a report says would go otherwise."""
    assert report.differences_found == len(report.differences)
    assert report.is_same is not bool(report.differences)
    name_of = {str(order): name for name, order in orders.items()}
    return {name_of[one.order_id] for one in report.differences}


def of(order: UUID, report: DeployReport) -> Difference:
    return next(one for one in report.differences if one.order_id == str(order))


def types(decided: Sequence[Any]) -> list[str]:
    return [one.type.removeprefix("Fulfilment.") for one in decided]


def test_another_order_of_the_steps(
    shop: Shop, orders: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fulfilment, "STEPS", STEPS[::-1])

    report = deploy_check(shop.orderwright)

    assert named(report, orders) == orders.keys()
    first = of(orders["confirmed"], report)
    assert (first.application, first.version, first.because) == ("OrderFulfilment", 2, "Order.Created")
    assert first.position is not None
    assert types(first.recorded) == ["Started", "PaymentRequested"]
    assert types(first.present) == ["Started", "ReservationRequested"]


def test_a_compensation_that_is_left_out(
    shop: Shop, orders: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was charged is not given back."""

    def forgetful(saga: Fulfilment) -> None:
        fact = saga.Failed if saga.is_order_cancelled else saga.CancellationRequested
        saga.trigger_event(fact, order_id=saga.order_id, reason=saga.reason)

    monkeypatch.setattr(Fulfilment, "_ask_for_next_undoing", forgetful)

    report = deploy_check(shop.orderwright)

    assert named(report, orders) == {"short", "cancelled"}
    short = of(orders["short"], report)
    assert types(short.recorded) == ["StepFailed", "UnwindingStarted", "RefundRequested"]
    assert types(short.present) == ["StepFailed", "UnwindingStarted", "CancellationRequested"]
    assert short.because == "Reservation.Rejected"


def test_attempts_that_are_not_made_any_more(
    shop: Shop, orders: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = replace(STEP[PROCESS_PAYMENT], retry=replace(STEP[PROCESS_PAYMENT].retry, attempts=1))
    monkeypatch.setitem(STEP, PROCESS_PAYMENT, once)

    report = deploy_check(shop.orderwright)

    assert named(report, orders) == {"failed once"}
    (one,) = report.differences
    assert (one.application, one.version) == ("Payments", 2)
    assert [event.type for event in one.recorded] == ["Payment.ChargeAttemptFailed"]
    assert [event.type for event in one.present] == ["Payment.Declined"]


def test_another_time_that_a_step_may_take(
    shop: Shop, orders: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = STEP["ReserveInventory"]
    monkeypatch.setitem(STEP, "ReserveInventory", replace(row, allowed=row.allowed * 2))

    report = deploy_check(shop.orderwright)

    assert named(report, orders) == {"confirmed", "failed once", "short", "cancelled"}


def test_news_that_led_to_nothing_and_would_now(
    shop: Shop, orders: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as deaf:
        deaf.setattr(Fulfilment, "step_attempt_failed", lambda *_: None)
        unheard = shop.order("CD-X1", pays="pm_error_once")
        shop.settle()
        by_hand_of(shop).runner.loops["OrderFulfilment"].carry_forward()

    report = deploy_check(shop.orderwright)

    assert named(report, orders | {"unheard": unheard}) == {"unheard"}
    (one,) = report.differences
    assert (one.application, one.because) == ("Payments", "Payment.ChargeAttemptFailed")
    assert (types(one.recorded), types(one.present)) == ([], ["StepAttemptFailed"])


def test_code_that_fails(shop: Shop, orders: dict[str, UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of that")

    monkeypatch.setattr(Fulfilment, "step_failed", broken)

    report = deploy_check(shop.orderwright)

    assert named(report, orders) == {"declined", "short"}
    assert {one.error for one in report.differences} == {"ZeroDivisionError: nobody thought of that"}


def test_a_deadline_that_is_passed_over_now(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command told a saga has no news behind it, and is judged all the same."""
    clock: Any = shop.orderwright.clock
    order = shop.order("CD-X1")
    by_hand_of(shop).level()
    scanner = shop.orderwright.deadline_scanner()
    scanner.step()
    clock.put_forward(15 * 60)
    assert scanner.step() == 1
    monkeypatch.setattr(Fulfilment, "compensate", lambda *_: None)

    (one,) = deploy_check(shop.orderwright).differences

    assert one.order_id == str(order)
    assert types(one.recorded) == ["StepOverdue", "UnwindingStarted", "WithdrawalRequested"]
    assert types(one.present) == ["StepOverdue"]


def test_an_intervention_that_would_be_refused_now(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = shop.order(("CD-X1", 1), pays="pm_refund_fails")
    shop.settle()
    retry_fulfilment(shop.orderwright, order, shop.context("olga"), "once more")
    assert deploy_check(shop.orderwright).is_same

    def refuses(*_: object) -> None:
        raise interventions.FulfilmentOver("no more of that")

    monkeypatch.setattr(interventions, "_check_open", refuses)
    (one,) = deploy_check(shop.orderwright).differences

    assert one.order_id == str(order)
    assert types(one.recorded) == ["InterventionMade", "RefundRequested"]
    assert types(one.present) == []


def test_a_sample_has_as_many_ended_sagas_as_are_wanted_and_one_of_every_way(
    shop: Shop, orders: dict[str, UUID]
) -> None:
    for _ in range(5):
        shop.order("CD-X1")
    shop.receive("CD-X1", 20)
    shop.settle()

    none, some, all_ = (deploy_check(shop.orderwright, sample) for sample in (0, 1, 100))

    assert (none.open, none.sampled) == (0, 0)
    assert all_.sampled == all_.ended == 11
    assert some.ways == all_.ways == 5  # a cancelled one went two: to its confirmation, and back
    assert some.ways - 1 <= some.sampled <= some.ways + 1


def test_what_is_told_meanwhile_ends_with_the_whole(shop: Shop, orders: dict[str, UUID]) -> None:
    told: list[tuple[str, int, int]] = []

    deploy_check(shop.orderwright, look=lambda *how_far: told.append(how_far))

    last = {stage: (done, whole) for stage, done, whole in told}
    assert last["Replaying"] == (6, 6)
    assert all(done == whole for done, whole in last.values())
