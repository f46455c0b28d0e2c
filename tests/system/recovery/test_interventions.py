"""What a person does about a fulfilment: never against the truth of money and stock, always with a reason."""

from uuid import UUID

import pytest

from application.errors import DomainError
from application.ports import GatewayRefusal, GatewayTimeout, RefundRequest
from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY
from domain.fulfilment.interventions import FulfilmentOver, InterventionRefused, StepNotAwaited, UnknownStep
from domain.payments.payment import PaymentNotCompleted
from system.audit import audit
from system.queries.trail import order_events
from system.recovery.interventions import (
    FulfilmentNotBegun,
    force_complete,
    force_fail,
    resume_fulfilment,
    retry_fulfilment,
)
from tests.support.by_hand import clock, shop, way
from tests.support.gateways import TroublesomeGateway
from tests.support.invariants import assert_at_rest
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

__all__ = ["clock", "shop", "way"]

WHY = "olga has looked at it"


@pytest.fixture
def gateway() -> TroublesomeGateway:
    """A provider that refuses all refunds, until a test says otherwise."""
    gateway = TroublesomeGateway()

    def no_refunds(request: object) -> None:
        if isinstance(request, RefundRequest):
            raise GatewayRefusal("the card is closed")

    gateway.before = no_refunds
    return gateway


@pytest.fixture
def stuck(shop: Shop) -> UUID:
    """An order that was charged, could not be held, and cannot be refunded."""
    order = shop.order(("CD-X1", 6))
    shop.settle()
    assert shop.log(order)[-1] == "ProcessPayment COMPENSATION_FAILED 1"
    return order


def interventions(shop: Shop, order: UUID) -> list[tuple[str, str | None, str]]:
    """What was done by hand: action, user, reason."""
    return [
        (event.payload["action"], event.user, event.payload["reason"])
        for event in order_events(shop.orderwright, order)
        if event.type == "Fulfilment.InterventionMade" and event.payload is not None
    ]


def test_a_refund_that_failed_is_tried_again_under_a_new_key(
    shop: Shop, stuck: UUID, gateway: TroublesomeGateway
) -> None:
    gateway.before = lambda _: None
    retry_fulfilment(shop.orderwright, stuck, shop.context("olga"), WHY)
    shop.settle()

    assert shop.status(stuck) == "CANCELLED"
    assert shop.payment(stuck).status == "REFUNDED"
    assert [key.rpartition(":")[2] for key in gateway.refunds] == ["2"]
    assert interventions(shop, stuck) == [("retry", "olga", WHY)]
    assert_at_rest(shop.orderwright)
    assert audit(shop.orderwright).is_clean


def test_a_retry_that_fails_again_leaves_it_where_it_was(shop: Shop, stuck: UUID) -> None:
    retry_fulfilment(shop.orderwright, stuck, shop.context("olga"), WHY)
    shop.settle()

    assert shop.log(stuck)[-2:] == ["ProcessPayment COMPENSATING 2", "ProcessPayment COMPENSATION_FAILED 2"]


def test_the_same_command_again_does_nothing_more(shop: Shop, stuck: UUID) -> None:
    context = shop.context("olga")
    for _ in range(2):
        retry_fulfilment(shop.orderwright, stuck, context, WHY)

    assert len(interventions(shop, stuck)) == 1


def test_a_refund_made_by_hand_ends_it(shop: Shop, stuck: UUID) -> None:
    with pytest.raises(InterventionRefused, match=r"60\.00 USD are charged"):
        force_fail(shop.orderwright, stuck, shop.context("olga"), WHY)
    assert interventions(shop, stuck) == []

    force_fail(shop.orderwright, stuck, shop.context("olga"), WHY, refund_reference="transfer 4711")
    shop.settle()

    assert shop.status(stuck) == "CANCELLED"
    assert (shop.payment(stuck).status, shop.payment(stuck).refunded) == ("REFUNDED", "60.00")
    assert interventions(shop, stuck) == [("force-fail", "olga", WHY)]
    (by_hand,) = [e for e in order_events(shop.orderwright, stuck) if e.type == "Payment.RefundedByHand"]
    assert by_hand.payload is not None
    assert (by_hand.user, by_hand.payload["reference"]) == ("olga", "transfer 4711")
    assert_at_rest(shop.orderwright)
    assert audit(shop.orderwright).is_clean


def test_only_a_refund_that_failed_for_good_is_recorded_by_hand(shop: Shop, way: ByHand) -> None:
    order = shop.order("CD-X1")
    way.level()
    way.call_gateway()
    with pytest.raises(PaymentNotCompleted):
        force_fail(shop.orderwright, order, shop.context("olga"), WHY, refund_reference="transfer 4711")


def test_a_fulfilment_is_resumed_only_from_what_it_waits_for(shop: Shop, stuck: UUID) -> None:
    for step, refusal in (("PaintTheFence", UnknownStep), (RESERVE_INVENTORY, StepNotAwaited)):
        with pytest.raises(refusal):
            resume_fulfilment(shop.orderwright, stuck, step, shop.context("olga"), WHY)
    resume_fulfilment(shop.orderwright, stuck, PROCESS_PAYMENT, shop.context("olga"), WHY)

    assert interventions(shop, stuck) == [("resume-from", "olga", WHY)]


def test_what_is_over_is_left_alone(shop: Shop) -> None:
    order = shop.order("CD-X1")
    with pytest.raises(FulfilmentNotBegun):
        retry_fulfilment(shop.orderwright, order, shop.context("olga"), WHY)
    shop.settle()
    before = len(order_events(shop.orderwright, order))
    for act in (retry_fulfilment, force_complete, force_fail):
        with pytest.raises(FulfilmentOver):
            act(shop.orderwright, order, shop.context("olga"), WHY)

    assert len(order_events(shop.orderwright, order)) == before


def test_an_order_that_may_still_be_charged_is_neither_completed_nor_ended(shop: Shop, way: ByHand) -> None:
    order = shop.order("CD-X1")
    way.level()
    with pytest.raises(InterventionRefused, match="the payment is REQUESTED"):
        force_complete(shop.orderwright, order, shop.context("olga"), WHY)
    with pytest.raises(InterventionRefused, match="may be a charge"):
        force_fail(shop.orderwright, order, shop.context("olga"), WHY)
    shop.settle()

    assert shop.status(order) == "CONFIRMED"


def test_news_that_were_missed_are_told_by_a_retry(shop: Shop, way: ByHand) -> None:
    order = shop.order("CD-X1")
    for follower in ("OrderFulfilment", "Payments", "PaymentCalls"):
        way.advance(follower)
    way.call_gateway()
    way.advance("PaymentCalls")
    retry_fulfilment(shop.orderwright, order, shop.context("olga"), WHY)

    assert shop.log(order)[-1] == "ReserveInventory EXECUTING 1"
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert shop.log(order).count("ProcessPayment COMPLETED 1") == 1


def test_what_is_done_in_truth_can_be_completed_by_hand(shop: Shop, way: ByHand) -> None:
    order = shop.order("CD-X1")
    way.level()
    way.call_gateway()
    for follower in ("OrderFulfilment", "Inventory"):
        way.advance(follower)
    force_complete(shop.orderwright, order, shop.context("olga"), WHY)
    shop.settle()

    assert shop.status(order) == "CONFIRMED"
    assert shop.saga(order).status == "COMPLETED"
    assert_at_rest(shop.orderwright)


def test_what_is_being_undone_cannot_be_completed_by_hand_though_nothing_is_undone_yet(
    shop: Shop, way: ByHand
) -> None:
    order = shop.order("CD-X1")
    shop.settle()
    shop.cancel(order)
    way.advance("OrderFulfilment")
    assert (shop.saga(order).status, shop.reserved("CD-X1")) == ("COMPENSATING", 1)

    with pytest.raises(InterventionRefused, match="being undone already"):
        force_complete(shop.orderwright, order, shop.context("olga"), WHY)

    assert interventions(shop, order) == []
    shop.settle()
    assert shop.status(order) == "CANCELLED"


def calls_asked_now(shop: Shop, order: UUID) -> list[str | None]:
    """Who had the provider asked at once."""
    events = order_events(shop.orderwright, order)
    return [event.user for event in events if event.type == "Payment.CallHastened"]


def test_a_call_that_pauses_is_made_at_once_when_a_person_asks_for_it_and_only_then(
    shop: Shop, way: ByHand, gateway: TroublesomeGateway
) -> None:
    answers: list[object] = []

    def silent(request: object) -> None:
        answers.append(request)
        raise GatewayTimeout("no answer")

    gateway.before = silent
    charged, refunded = shop.order("CD-X1"), shop.order(("CD-X1", 6))
    way.level()
    way.call_gateway()
    way.level()
    gateway.before = lambda request: silent(request) if isinstance(request, RefundRequest) else None
    retry_fulfilment(shop.orderwright, refunded, shop.context("olga"), WHY)
    way.level()
    assert way.call_gateway() == 1, "the charge that olga asks for"
    way.level()
    assert way.call_gateway() == 1, "the refund of what there is not enough of"
    way.level()
    assert way.call_gateway() == 0, "they pause, the charge and the refund"
    assert calls_asked_now(shop, refunded) == ["olga"]

    gateway.before = lambda _: None
    for order in (charged, refunded):
        retry_fulfilment(shop.orderwright, order, shop.context("opal"), WHY)
    way.level()
    assert way.call_gateway() == 2
    shop.settle()
    assert (calls_asked_now(shop, charged), calls_asked_now(shop, refunded)) == (["opal"], ["olga", "opal"])
    assert (shop.status(charged), shop.payment(refunded).status) == ("CONFIRMED", "REFUNDED")
    assert_at_rest(shop.orderwright)


@pytest.mark.parametrize("reason", ["", "x" * 501, "line\x00"])
def test_a_reason_is_a_text_that_can_be_kept(shop: Shop, stuck: UUID, reason: str) -> None:
    with pytest.raises(DomainError):
        retry_fulfilment(shop.orderwright, stuck, shop.context("olga"), reason)
    assert interventions(shop, stuck) == []
