"""News that cross on the way: what was asked for is settled, or refused, before the request is read."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.ports import GatewayTimeout, RefundRequest
from domain.fulfilment import Fulfilment
from domain.payments import Payment
from system.followers.follower import Follower
from system.followers.unit_of_work import UnitOfWork
from system.operations.positions import parked_events
from tests.history.samples import sample_of
from tests.support.agreement import events_of
from tests.support.by_hand import clock, gateway, shop, way
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.gateways import TroublesomeGateway
from tests.support.invariants import assert_at_rest
from tests.support.running_shop import Shop
from tests.support.stories import names
from tests.support.ways import ByHand, Way

__all__ = ["clock", "gateway", "shop", "way"]


@pytest.fixture
def persistence(in_memory: Environment) -> Environment:
    """What is told here has nothing to do with the store."""
    return in_memory


def work_but_for_orders(way: ByHand) -> None:
    """Everybody works until there is nothing to do, and only Orders reads nothing."""
    others = [name for name in way.runner.loops if name != "Orders"]
    while sum(way.advance(name) for name in others) or way.call_gateway():
        pass


def last_request(shop: Shop, order: UUID) -> str:
    """What the saga of an order asked for last."""
    *_, last = (e for e in events_of(shop.orderwright.fulfilments) if e.order_id == order)
    return type(last).__name__


def test_an_order_that_is_cancelled_before_it_is_confirmed_is_not_confirmed_any_more(
    shop: Shop, way: ByHand
) -> None:
    order, other = shop.order("CD-X1"), shop.order("CD-X1")
    work_but_for_orders(way)
    assert last_request(shop, order) == "ConfirmationRequested"

    shop.cancel(order)
    shop.settle()

    assert parked_events(shop.orderwright) == []
    assert (shop.status(order), shop.view(order).confirmed_at) == ("CANCELLED", None)
    assert shop.payment(order).status == "REFUNDED"
    assert (shop.status(other), shop.stock("CD-X1").reserved) == ("CONFIRMED", 1)
    assert_at_rest(shop.orderwright)


def test_an_order_that_the_customer_cancels_before_we_do_is_cancelled_once_and_for_his_reason(
    shop: Shop, way: ByHand
) -> None:
    order, other = shop.order("CD-X1", pays="pm_declined"), shop.order("CD-X1", pays="pm_declined")
    work_but_for_orders(way)
    assert last_request(shop, order) == "CancellationRequested"

    shop.cancel(order, "changed my mind")
    shop.settle()

    assert parked_events(shop.orderwright) == []
    assert (shop.view(order).status, shop.view(order).cancel_reason) == ("CANCELLED", "changed my mind")
    assert shop.view(other).cancel_reason == "payment declined: the card was declined"
    assert_at_rest(shop.orderwright)


def test_a_request_that_a_restored_log_makes_anew_is_no_reason_to_ask_the_provider_sooner(
    open_way: Callable[..., Way], in_memory: Environment
) -> None:
    """Where a log lost its end it asks anew for what was asked for, perhaps at another place of a stream."""
    gateway = TroublesomeGateway()
    way = open_way(ByHand, in_memory, gateway, StandingClock())
    assert isinstance(way, ByHand)
    shop, payments = Shop(way), way.orderwright.payments
    charging, refunding = shop.order("NOT-HERE", pays="pm_timeout"), shop.order("NOT-HERE")
    way.level()
    gateway.before = refuse_refunds
    way.call_gateway()
    way.level()
    way.call_gateway()
    way.level()
    assert shop.payment(charging).status == "OUTCOME_UNKNOWN"
    assert shop.payment(refunding).status == "REFUND_REQUESTED"

    for order, kind in ((charging, Fulfilment.PaymentRequested), (refunding, Fulfilment.RefundRequested)):
        asked = next(e for e in events_of(way.orderwright.fulfilments, kind.TOPIC) if e.order_id == order)
        for attempt, told in ((1, []), (2, ["CallHastened"]), (2, [])):  # the last one was heeded before
            facts = {**vars(asked), "event_id": f"made anew {attempt}", "attempt": attempt}
            assert reaction(payments, kind(**facts)) == told


def reaction(follower: Follower, event: Any) -> list[str]:
    """What a follower records because of an event."""
    work = UnitOfWork()
    follower.handle(event, work)
    follower.record_work(work)
    return names(work.events)


def test_nothing_is_done_for_an_order_that_a_restored_log_does_not_know(shop: Shop, way: ByHand) -> None:
    for pays in ("pm_ok", "pm_declined"):
        shop.order("CD-X1", pays=pays)
    shop.order(("CD-X1", 9))
    shop.settle()
    asked = {type(event): event for event in events_of(way.orderwright.fulfilments)}
    apps = way.orderwright.applications
    for kind, owner in (
        (Fulfilment.ConfirmationRequested, "Orders"),
        (Fulfilment.CancellationRequested, "Orders"),
        (Fulfilment.RefundRequested, "Payments"),
        (Fulfilment.ReleaseRequested, "Inventory"),
        (Fulfilment.WithdrawalRequested, "Payments"),
    ):
        facts = {**vars(asked.get(kind) or sample_of(kind)), "order_id": uuid4()}
        assert reaction(apps[owner], kind(**facts)) == []


def test_news_of_an_order_whose_fulfilment_is_not_there_is_a_fault_that_is_told_and_not_passed_over(
    shop: Shop, way: ByHand
) -> None:
    shop.order("CD-X1")
    shop.settle()
    (paid,) = events_of(way.orderwright.payments, "Payment.Completed")
    nobodys = uuid4()

    with pytest.raises(LookupError, match=f"order {nobodys} has no fulfilment yet"):
        reaction(way.orderwright.fulfilments, Payment.Completed(**{**vars(paid), "order_id": nobodys}))


def refuse_refunds(request: object) -> None:
    """The provider does not answer."""
    if isinstance(request, RefundRequest):
        raise GatewayTimeout("no answer")
