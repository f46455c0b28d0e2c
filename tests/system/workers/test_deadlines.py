"""Deadlines, and outcomes that nobody knows: nothing is undone before it is told what became of it."""

from collections.abc import Callable
from uuid import UUID

import pytest

from application.payments import Outcome
from application.ports import ChargeRequest, GatewayError, GatewayRefusal, GatewayTimeout, RefundRequest
from application.queries import PageRequest
from domain.fulfilment import PROCESS_PAYMENT, STEP, STEPS
from domain.shared.causes import Cause
from system.audit import audit
from system.concurrency import background
from system.queries.trail import order_events
from system.recovery.dead_letters.cases import Case, CaseQuery, NotForThisCase
from system.recovery.dead_letters.desk import DeadLetterDesk
from tests.support.agreement import live_rows, rebuilt_rows
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.gateways import TroublesomeGateway
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

OpenWay = Callable[..., Way]
CHARGING = STEP[PROCESS_PAYMENT].retry
ALLOWED = STEPS[0].allowed.total_seconds()


class Desk(Shop):
    """A shop whose clock stands still, and whose deadlines are looked at when a test says so."""

    way: ByHand

    def __init__(self, way: ByHand) -> None:
        super().__init__(way)
        self.scanner = way.orderwright.deadline_scanner()

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        clock = self.orderwright.clock
        assert isinstance(clock, StandingClock)
        clock.put_forward(seconds)

    def facts(self, order: UUID) -> list[str]:
        """What the saga of an order recorded, by name."""
        types = [event.type.partition(".") for event in order_events(self.orderwright, order)]
        return [fact for aggregate, _, fact in types if aggregate == "Fulfilment"]

    def cases(self) -> tuple[Case, ...]:
        """What stands on the dead-letter desk."""
        return DeadLetterDesk(self.orderwright).list(CaseQuery(), PageRequest()).items


@pytest.fixture
def gateway() -> TroublesomeGateway:
    """A provider that has trouble when a test says so."""
    return TroublesomeGateway()


@pytest.fixture
def shop(persistence: Environment, open_way: OpenWay, gateway: TroublesomeGateway) -> Desk:
    """A shop with five records, advanced by hand."""
    way = open_way(ByHand, persistence, gateway, StandingClock())
    assert isinstance(way, ByHand)
    shop = Desk(way)
    shop.receive("CD-X1", 5)
    return shop


def refuse(error: Exception) -> Callable[[object], None]:
    """Always raises."""

    def raises(_: object) -> None:
        raise error

    return raises


def nothing(_: object) -> None:
    """No trouble any more."""


def overdue(shop: Desk) -> None:
    """Let the time that a payment is allowed pass, and the scanner watch that it does."""
    shop.way.level()
    assert shop.scanner.step() == 0
    shop.wait(ALLOWED - 1)
    assert shop.scanner.step() == 0
    shop.wait(1)
    assert shop.scanner.step() == 1


def test_a_charge_that_nobody_makes_in_time_is_called_off_and_the_order_cancelled(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    order = shop.order("CD-X1")
    overdue(shop)
    shop.settle()

    assert shop.status(order) == "CANCELLED"
    assert shop.view(order).cancel_reason == "ProcessPayment took longer than allowed"
    assert shop.payment(order).status == "DECLINED"
    assert (gateway.charges, len(gateway.called_off)) == ({}, 1)
    assert "StepOverdue" in shop.facts(order)
    assert shop.scanner.step() == 0
    assert_at_rest(shop.orderwright)


def test_a_charge_that_was_made_without_an_answer_is_found_out_and_refunded_after_the_deadline(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    gateway.after = refuse(GatewayTimeout("no answer"))
    order = shop.order("CD-X1")
    shop.way.level()
    shop.way.call_gateway()
    overdue(shop)
    assert shop.payment(order).status == "OUTCOME_UNKNOWN"
    assert "RefundRequested" not in shop.facts(order), "nothing is undone before the provider has told"

    gateway.after = nothing
    shop.settle()
    assert shop.status(order) == "CANCELLED"
    assert shop.payment(order).status == "REFUNDED"
    assert (len(gateway.charges), len(gateway.refunds)) == (1, 1)
    assert_charged_at_most_once(shop.orderwright)
    assert audit(shop.orderwright).is_clean


def test_calling_a_charge_off_is_asked_for_until_the_provider_has_told(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    gateway.after = refuse(GatewayTimeout("no answer"))
    order = shop.order("CD-X1")
    for _ in range(3):
        shop.way.level()
        shop.way.call_gateway()
        shop.wait(60)
    gateway.before_call_off = refuse(GatewayError("try again"))
    shop.way.level()
    shop.cancel(order)
    asked = 0
    for _ in range(4):
        shop.way.level()
        asked += shop.way.call_gateway()
        shop.wait(120)
    assert asked == 4, "a failure to call it off tells nothing about the charge"
    assert shop.payment(order).status == "OUTCOME_UNKNOWN"
    shop.wait(3600)
    assert [case.case_id for case in shop.cases()] == [f"call:{order}"]

    gateway.before_call_off = gateway.after = nothing
    shop.settle()
    assert (shop.status(order), shop.payment(order).status) == ("CANCELLED", "REFUNDED")
    assert (len(gateway.charges), len(gateway.refunds)) == (1, 1)
    assert not shop.cases()


def test_a_step_has_a_deadline_while_it_is_awaited_and_no_longer(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    shop.order("CD-X1")
    unwound = shop.order(("CD-X1", 6))
    shop.way.level()
    awaited = live_rows(shop.orderwright)["saga_deadlines"]
    assert [(row["step"], row["status"]) for row in awaited] == [("ProcessPayment", "EXECUTING")] * 2
    assert awaited == rebuilt_rows(shop.orderwright)["saga_deadlines"]

    gateway.before = lambda request: (
        refuse(GatewayTimeout("no answer"))(None) if isinstance(request, RefundRequest) else None
    )
    shop.way.call_gateway()
    shop.way.level()
    (left,) = live_rows(shop.orderwright)["saga_deadlines"]
    assert (left["order_id"], left["status"]) == (str(unwound), "COMPENSATING")
    gateway.before = nothing
    shop.settle()
    assert live_rows(shop.orderwright)["saga_deadlines"] == []
    assert rebuilt_rows(shop.orderwright)["saga_deadlines"] == []


def test_a_deadline_that_passes_after_the_end_changes_nothing(shop: Desk) -> None:
    order = shop.order("CD-X1")
    shop.settle()
    before = shop.facts(order)

    shop.wait(30 * ALLOWED)
    assert shop.scanner.step() == 0
    shop.wait(ALLOWED)
    assert shop.scanner.step() == 0
    shop.settle()

    assert shop.facts(order) == before
    assert shop.status(order) == "CONFIRMED"


def test_orders_that_waited_for_a_runner_are_not_overdue_as_soon_as_it_is_back(shop: Desk) -> None:
    orders = [shop.order("CD-X1") for _ in range(3)]
    shop.wait(5 * ALLOWED)
    shop.way.level()
    assert shop.scanner.step() == 0
    shop.settle()
    shop.wait(ALLOWED)
    shop.scanner.step()
    shop.settle()

    assert {shop.status(order) for order in orders} == {"CONFIRMED"}


def test_a_customer_who_cancels_while_the_charge_is_open_is_not_charged(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    order = shop.order("CD-X1")
    shop.way.level()
    shop.cancel(order)
    shop.settle()

    assert shop.status(order) == "CANCELLED"
    assert shop.payment(order).status == "DECLINED"
    assert gateway.charges == {}
    assert_at_rest(shop.orderwright)


def test_an_outcome_that_stays_unknown_comes_to_the_desk_and_can_be_asked_for(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    gateway.before = refuse(GatewayTimeout("no answer"))
    order = shop.order("CD-X1")
    for _ in range(3):
        shop.way.level()
        shop.way.call_gateway()
        shop.wait(60)
    shop.way.level()
    assert shop.payment(order).status == "OUTCOME_UNKNOWN"
    assert not shop.cases()

    shop.wait(3600)
    (case,) = shop.cases()
    assert (case.case_id, case.order_id, case.error) == (f"call:{order}", str(order), "no answer")
    assert case.attempts == 3
    with pytest.raises(NotForThisCase):
        DeadLetterDesk(shop.orderwright).discard(case.case_id, shop.context("olga"), "never mind")

    gateway.before = nothing
    DeadLetterDesk(shop.orderwright).retry(case.case_id, shop.context("olga"), "the provider is back")
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert not shop.cases()
    hastened = [
        event for event in order_events(shop.orderwright, order) if event.type == "Payment.CallHastened"
    ]
    assert [(e.user, e.payload["reason"]) for e in hastened if e.payload is not None] == [
        ("olga", "the provider is back")
    ]


def test_a_restart_forgets_no_retry(shop: Desk, gateway: TroublesomeGateway) -> None:
    gateway.before = refuse(GatewayError("closed"))
    order = shop.order("CD-X1")
    shop.way.level()
    shop.way.call_gateway()
    shop.way.level()
    shop.way.restart()
    assert shop.way.call_gateway() == 0, "the pause is kept"
    (entry,) = [step for step in shop.saga(order).steps if step.error]
    assert (entry.error, entry.attempt) == ("closed", 1)
    assert entry.next_at is not None

    for _ in range(CHARGING.attempts):
        shop.wait(120)
        shop.way.call_gateway()
        shop.way.level()
    assert [int(key.rpartition(":")[2]) for key in gateway.calls] == [1, 2, 3, 4, 5]
    shop.settle()
    assert shop.status(order) == "CANCELLED"


def test_errors_that_go_on_for_too_long_end_it_before_the_last_attempt(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    gateway.before = refuse(GatewayError("closed"))
    order = shop.order("CD-X1")
    for _ in range(2):
        shop.way.level()
        shop.way.call_gateway()
        shop.wait(CHARGING.within.total_seconds())
    shop.settle()

    assert shop.status(order) == "CANCELLED"
    assert "the provider failed 2 times" in (shop.view(order).cancel_reason or "")


def test_a_refund_that_is_refused_for_good_is_not_tried_again(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    order = shop.order(("CD-X1", 6))

    def no_refunds(request: ChargeRequest | RefundRequest) -> None:
        if isinstance(request, RefundRequest):
            raise GatewayRefusal("the card is closed")

    gateway.before = no_refunds
    shop.settle()

    assert shop.payment(order).status == "REFUND_FAILED"
    assert [count for key, count in gateway.calls.items() if ":refund:" in key] == [1]
    (case,) = shop.cases()
    assert (case.case_id, case.error) == (f"saga:{order}:ProcessPayment", "the card is closed")


def test_a_contradiction_is_recorded_and_closed_with_a_reason(
    shop: Desk, gateway: TroublesomeGateway
) -> None:
    order = shop.order("CD-X1")
    shop.settle()
    cause = Cause(FRIDAY_NOON, str(order), "test")
    shop.way.worker._record([Outcome(order, lambda payment: payment.complete("ch_other", 1), cause)])
    shop.settle()
    (case,) = shop.cases()
    assert "ch_other" in (case.error or "")
    with pytest.raises(NotForThisCase):
        DeadLetterDesk(shop.orderwright).retry(case.case_id, shop.context("olga"), "again")

    DeadLetterDesk(shop.orderwright).discard(
        case.case_id, shop.context("olga"), "ch_other was voided by the provider"
    )
    shop.settle()
    assert not shop.cases()
    assert shop.status(order) == "CONFIRMED"


def test_while_it_fails_it_is_not_hurried_by_news_in_the_saga_log(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def fail() -> int:
        looks.append("a look")
        raise ZeroDivisionError("a fault in the program")

    scanner = shop.scanner
    monkeypatch.setattr(background, "LONGEST_PAUSE", PATIENCE_SECONDS)
    monkeypatch.setattr(scanner, "step", fail)
    scanner.start()
    wait_until(lambda: scanner.fault, what="it pauses")
    for _ in range(20):
        scanner.wakeup.ring()
        wait_until(lambda: not scanner.wakeup._bell.is_set(), what="the ring is heard")

    scanner.stop()
    scanner.join(PATIENCE_SECONDS)
    assert not scanner.is_alive()
    assert looks == ["a look"]
