"""Whoever reads everything once more, from the first event, changes nothing: no money, no stock, no case."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from application.ports import GatewayRefusal, RefundRequest
from system.audit import audit
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.projection import Projection
from system.operations.positions import parked_events
from system.recovery.interventions import retry_fulfilment
from system.recovery.realigning import realign
from tests.support.agreement import live_rows
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.gateways import TroublesomeGateway
from tests.support.invariants import assert_charged_at_most_once, assert_stock_balances
from tests.support.logs import lose_the_end
from tests.support.poison import Poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way
from tests.system.recovery.dead_letters.at_the_desk import Desk

__all__ = ["short_pauses"]

LOGS = ("Orders", "OrderFulfilment", "Payments", "Inventory")


def a_shop_with_a_past(environment: Environment, open_way: Callable[..., Way]) -> tuple[Shop, Any]:
    """Orders of every kind: paid, declined, failing once, unanswered, too large, cancelled early and
    late, refunds that fail for good and one that a person had asked for once more, a parked event."""
    provider = TroublesomeGateway()

    def refuses_refunds(request: object) -> None:
        if isinstance(request, RefundRequest):
            raise GatewayRefusal("the card is closed")

    way = open_way(ByHand, environment, provider, StandingClock())
    shop = Shop(way)
    receipt = shop.receive("CD-X1", 30)
    shop.correct("CD-X1", receipt, 20)
    for pays in ("pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_ok"):
        shop.order("CD-X1", pays=pays)
    shop.order(("CD-X1", 50))
    shop.cancel(shop.order("CD-X1"))
    shop.settle()
    late = shop.order("CD-X1")
    shop.settle()
    shop.cancel(late)
    shop.settle()
    provider.before = refuses_refunds
    stuck, helped = shop.order(("CD-X1", 50)), shop.order(("CD-X1", 50))
    shop.settle()
    provider.before = lambda _: None
    retry_fulfilment(shop.orderwright, helped, shop.context("olga"), "the card is open again")
    shop.settle()
    assert shop.saga(stuck).status == "COMPENSATING"
    assert shop.saga(helped).status == "FAILED"
    poisoned: set[Any] = set()
    poison = Poison(shop.orderwright.payments, lambda event: event.order_id in poisoned)
    poisoned.add(shop.order("CD-X1"))
    shop.settle()
    assert poison.failed
    return shop, poison


def heads(orderwright: Orderwright) -> Mapping[str, int]:
    """Where each log ends."""
    return {name: orderwright.applications[name].recorder.max_notification_id() or 0 for name in LOGS}


@pytest.mark.parametrize("who", [*definition.followers, "everybody"])
def test_reading_everything_again_changes_nothing(
    on_sqlite: Environment, open_way: Callable[..., Way], who: str
) -> None:
    shop, poison = a_shop_with_a_past(on_sqlite, open_way)
    orderwright = shop.orderwright
    before = heads(orderwright), live_rows(orderwright), parked_events(orderwright), audit(orderwright).money
    charges = dict(shop.gateway.charges), dict(shop.gateway.refunds)  # type: ignore[attr-defined]

    for follower in definition.followers if who == "everybody" else [who]:
        application = orderwright.applications[follower]
        tables = application.tables if isinstance(application, Projection) else ()
        application.recorder.restart(list(definition.follows[follower]), tables, f"again {follower}")
    way = shop.way
    assert isinstance(way, ByHand)
    way.restart()
    shop.settle()

    assert poison.failed
    after = heads(orderwright), live_rows(orderwright), parked_events(orderwright), audit(orderwright).money
    assert after == before
    assert charges == (shop.gateway.charges, shop.gateway.refunds)  # type: ignore[attr-defined]
    assert audit(orderwright).is_clean


@pytest.mark.parametrize("lost", [1, 7, 30])
@pytest.mark.parametrize("log", ["OrderFulfilment", "Payments"])
def test_what_a_log_lost_that_others_know_comes_back(
    on_sqlite: Environment, open_way: Callable[..., Way], log: str, lost: int
) -> None:
    shop, poison = a_shop_with_a_past(on_sqlite, open_way)
    poison.cure()
    charges = dict(shop.gateway.charges)  # type: ignore[attr-defined]
    stock = shop.stock("CD-X1")
    lose_the_end(on_sqlite, log, lost)

    again = Shop(open_way(ByHand, on_sqlite, shop.gateway, shop.orderwright.clock))
    realign(again.orderwright, again.context("olga"), "an older file was put in place")
    again.settle()
    Desk(again.orderwright).retry_all()
    again.settle()

    orderwright = again.orderwright
    assert orderwright.disagreements() == []
    assert_stock_balances(orderwright)
    assert_charged_at_most_once(orderwright)
    assert charges.items() <= again.gateway.charges.items()  # type: ignore[attr-defined]
    assert audit(orderwright).is_clean, audit(orderwright).offenders
    assert again.stock("CD-X1").on_hand == stock.on_hand
