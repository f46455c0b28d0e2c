"""Calls to the payment provider: whatever breaks, at most one charge, and an answer in the end."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError

from application.payments import Outcome
from application.ports import ChargeRequest, GatewayError, GatewayTimeout, RefundRequest
from domain.fulfilment import PROCESS_PAYMENT, STEP
from domain.payments import Payment
from domain.shared.causes import Cause
from domain.shared.retrying import JITTER
from tests.support.agreement import events_of
from tests.support.by_hand import clock, gateway, shop, way
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.gateways import GatedGateway, TroublesomeGateway
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

__all__ = ["clock", "gateway", "shop", "way"]

CHARGING = STEP[PROCESS_PAYMENT].retry

OpenWay = Callable[..., Way]


@pytest.fixture
def persistence(in_memory: Environment) -> Environment:
    """What is told here has nothing to do with the store."""
    return in_memory


def times(number: int, error: BaseException) -> Callable[[object], None]:
    """Raises the first so many times, then never again."""
    left = [error] * number

    def maybe_raise(_: object) -> None:
        if left:
            raise left.pop()

    return maybe_raise


@pytest.mark.parametrize("fault", [IntegrityError("conflict"), OperationalError("away")])
@pytest.mark.parametrize("how_often", [1, 2, 5])
def test_an_outcome_that_cannot_be_recorded_is_asked_for_again_under_the_same_key(
    way: ByHand,
    shop: Shop,
    gateway: TroublesomeGateway,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    how_often: int,
) -> None:
    orders = [shop.order("CD-X1") for _ in range(3)]
    way.level()
    record, fails = way.orderwright.payments.record, times(how_often, fault)

    def troubled(outcomes: Any) -> None:
        fails(outcomes)
        record(outcomes)

    monkeypatch.setattr(way.orderwright.payments, "record", troubled)
    for _ in range(how_often):
        with suppress(IntegrityError, OperationalError):
            way.call_gateway()
    shop.settle()

    assert {shop.status(order) for order in orders} == {"CONFIRMED"}
    assert len(gateway.charges) == 3
    assert {key.rpartition(":")[2] for key in gateway.calls} == {"1"}
    assert_charged_at_most_once(way.orderwright)


def test_a_crash_between_the_call_and_its_record_charges_once(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = shop.order("CD-X1")
    way.level()
    with monkeypatch.context() as patch:
        patch.setattr(way.orderwright.payments, "record", times(1, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            way.call_gateway()
    assert len(gateway.charges) == 1
    assert shop.saga(order).status == "PAYMENT_PENDING"

    way.restart()
    shop.settle()

    assert shop.status(order) == "CONFIRMED"
    assert (len(gateway.charges), list(gateway.calls.values())) == (1, [2])


def test_what_is_answered_is_not_asked_again_while_its_row_has_not_gone_of_it(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    orders = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_declined")]
    too_many = shop.order(("CD-X1", 6))
    way.level()
    for _ in range(9):
        way.worker.step()
    assert sorted(gateway.calls.values()) == [1, 1, 1]

    for follower in ("OrderFulfilment", "Inventory", "OrderFulfilment", "Payments", "PaymentCalls"):
        way.advance(follower)
    for _ in range(9):
        way.worker.step()
    assert set(gateway.calls.values()) == {1}
    shop.settle()
    assert set(gateway.calls.values()) == {1}
    assert len(gateway.refunds) == 1
    assert [shop.status(order) for order in (*orders, too_many)] == ["CONFIRMED", "CANCELLED", "CANCELLED"]


def test_a_silence_is_not_taken_for_the_answer_to_the_next_question_under_the_same_key(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    silent = times(2, GatewayTimeout("no answer"))
    gateway.before = silent
    gateway.before_call_off = silent
    order = shop.order("CD-X1")
    way.level()
    assert way.call_gateway() == 1, "the charge, without an answer"
    shop.cancel(order)
    way.level()
    assert way.call_gateway() == 1, "to call it off is asked at once, under the same key"
    way.level()
    assert way.call_gateway() == 0, "it pauses"
    shop.settle()

    assert (shop.status(order), shop.payment(order).status) == ("CANCELLED", "DECLINED")
    assert (gateway.charges, len(gateway.called_off)) == ({}, 1)


def test_what_is_in_the_hands_of_the_provider_is_not_sent_a_second_time(
    in_memory: Environment, open_way: OpenWay
) -> None:
    gateway = GatedGateway()
    way = open_way(ByHand, {**in_memory, "ORDERWRIGHT_POLL_SECONDS": "0.01"}, gateway, StandingClock())
    assert isinstance(way, ByHand)
    shop = Shop(way)
    gateway.shut()
    order = shop.order("NOT-HERE")
    way.level()
    for _ in range(3):
        assert way.worker.step() == 0
    assert len(way.worker._in_flight) == 1
    gateway.open()
    shop.settle()

    assert shop.payment(order).status == "REFUNDED"
    assert len(gateway.charges) == 1


@pytest.mark.parametrize("error", [GatewayTimeout("no answer"), ConnectionResetError("reset by peer")])
def test_when_the_outcome_is_unknown_it_is_asked_again_and_each_time_noted(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway, error: Exception
) -> None:
    gateway.after = times(4, error)
    order = shop.order("CD-X1")
    shop.settle()

    assert shop.status(order) == "CONFIRMED"
    assert (len(gateway.charges), list(gateway.calls.values())) == (1, [5])
    topics = [type(event).__name__ for event in events_of(way.orderwright.payments)]
    assert topics == ["Requested", *["ChargeUnanswered"] * 4, "Completed"]
    assert str(error) in shop.errors(order)[0]


def test_each_attempt_that_surely_failed_has_a_key_of_its_own_and_the_last_one_ends_it(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    gateway.before = times(100, GatewayError("closed today"))
    order = shop.order("CD-X1")
    shop.settle()

    assert shop.status(order) == "CANCELLED"
    reason = f"payment declined: the provider failed {CHARGING.attempts} times, last with: closed today"
    assert shop.view(order).cancel_reason == reason
    assert [key.rpartition(":")[2] for key in gateway.calls] == ["1", "2", "3", "4", "5"]
    assert gateway.charges == {}
    assert [entry for entry in shop.log(order) if "EXECUTING" in entry] == [
        "ProcessPayment EXECUTING 1",
        *[f"ProcessPayment EXECUTING {attempt}" for attempt in range(1, CHARGING.attempts)],
    ]


def test_an_unanswered_attempt_that_then_fails_surely_goes_on_with_the_next(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    errors = [GatewayError("closed"), GatewayTimeout("no answer")]
    gateway.before = lambda _: (_ for _ in ()).throw(errors.pop()) if errors else None
    order = shop.order("CD-X1")
    shop.settle()

    assert shop.status(order) == "CONFIRMED"
    assert [f"{key.rpartition(':')[2]}x{count}" for key, count in gateway.calls.items()] == ["1x2", "2x1"]
    assert_at_rest(way.orderwright)


def test_a_refund_that_is_not_answered_is_asked_again_under_its_key_until_it_is(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    order = shop.order(("CD-X1", 6))
    refuse = times(7, GatewayTimeout("no answer"))
    gateway.after = lambda request: refuse(request) if isinstance(request, RefundRequest) else None
    shop.settle()

    assert shop.payment(order).status == "REFUNDED"
    assert [count for key, count in gateway.calls.items() if ":refund:" in key] == [8]
    silences = [step for step in shop.saga(order).steps if step.error == "no answer"]
    assert [(step.status, step.attempt) for step in silences] == [("COMPENSATING", 1)] * 7
    assert all(step.next_at is not None for step in silences)
    assert len(gateway.refunds) == 1
    assert_at_rest(way.orderwright)


def test_each_retry_waits_twice_as_long_as_the_one_before(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    clock = way.orderwright.clock
    assert isinstance(clock, StandingClock)
    gateway.before = times(4, GatewayError("closed"))
    order = shop.order("CD-X1")
    pauses = []
    while shop.status(order) == "CREATED":
        way.level()
        since = clock.now
        while way.worker.is_busy() and not way.call_gateway():
            clock.put_forward(0.01)
        pauses.append((clock.now - since).total_seconds())

    first, *waits, last = pauses
    assert (first, last) == (0, 0)
    for wait, least in zip(waits, (0.01, 0.02, 0.04, 0.08), strict=True):
        assert least <= wait <= least * (1 + JITTER) + 0.01, pauses  # the clock goes on by a hundredth


def test_many_calls_are_made_at_a_time_and_one_that_hangs_holds_up_no_other(
    in_memory: Environment, open_way: OpenWay
) -> None:
    gateway = GatedGateway()
    shop = Shop(open_way(UnderOurRunner, {**in_memory, "ORDERWRIGHT_GATEWAY_CONCURRENCY": "8"}, gateway))
    shop.receive("CD-X1", 100)
    gateway.shut()
    orders = [shop.order("CD-X1") for _ in range(20)]
    wait_until(lambda: gateway.waiting == 8)
    assert {shop.status(order) for order in orders} == {"CREATED"}
    gateway.open()
    shop.settle()

    assert {shop.status(order) for order in orders} == {"CONFIRMED"}
    assert len(gateway.charges) == 20


def test_a_provider_that_contradicts_itself_is_not_believed(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    order = shop.order("CD-X1")
    shop.settle()
    payment = shop.paid(order)
    assert payment is not None
    first = payment.reference

    way.worker._record([_says(order, lambda payment: payment.complete("ch_other", 1))])
    way.worker._record([_says(order, lambda payment: payment.decline("no", 1))])

    again = shop.paid(order)
    assert again is not None
    assert (again.reference, again.status) == (first, payment.status)
    events = events_of(way.orderwright.payments)
    assert sum(isinstance(event, Payment.OutcomeDisputed) for event in events) == 2
    assert shop.status(order) == "CONFIRMED"


def _says(order: UUID, tell: Callable[[Payment], None]) -> Outcome:
    return Outcome(order, tell, Cause(FRIDAY_NOON, str(order), "test"))


def test_nothing_is_called_while_a_transaction_is_open(
    way: ByHand, shop: Shop, gateway: TroublesomeGateway
) -> None:
    positions: list[int | None] = []
    gateway.before = lambda request: positions.append(
        way.orderwright.payments.recorder.max_notification_id()
        if isinstance(request, ChargeRequest)
        else None
    )
    order = shop.order("CD-X1")
    shop.settle()

    assert positions == [1]  # the request for the charge was recorded before, its outcome after the call
    assert shop.status(order) == "CONFIRMED"
