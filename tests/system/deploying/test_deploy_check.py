"""What the code at hand has decided, it decides once more: that is no difference, and nothing is written."""

import json

import pytest

from application.queries import PageRequest
from domain.fulfilment import PROCESS_PAYMENT
from domain.shared.ids import fulfilment_id, payment_id
from system.bootstrap import Orderwright
from system.deploying.check import deploy_check
from system.recovery.dead_letters.cases import CaseQuery
from system.recovery.dead_letters.desk import DeadLetterDesk
from system.recovery.interventions import force_complete, force_fail, resume_fulfilment, retry_fulfilment
from tests.support.by_hand import clock, gateway, way
from tests.support.clocks import StandingClock
from tests.support.damage import change, truncated
from tests.support.poison import Poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.settled import add_settled_orders
from tests.support.ways import ByHand

from .reports import assert_decides_the_same, by_hand_of

__all__ = ["clock", "gateway", "short_pauses", "way"]

METHODS = ("pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_refund_fails", "pm_refund_fails_once")


@pytest.fixture
def every_shop(way: ByHand) -> Shop:
    """A shop with a hundred records, on every store."""
    shop = Shop(way)
    shop.receive("CD-X1", 100)
    return shop


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A shop in memory with five records."""
    shop.receive("CD-X1", 5)
    return shop


def logs(orderwright: Orderwright) -> dict[str, object]:
    """Everything that the logs and the positions say."""
    names = orderwright.applications
    return {
        name: (one.recorder.select_log(0, 10_000), [one.recorder.checkpoint(leader) for leader in names])
        for name, one in orderwright.applications.items()
    }


def let_time_pass(shop: Shop, seconds: float) -> None:
    """Put the clock forward."""
    assert isinstance(shop.orderwright.clock, StandingClock)
    shop.orderwright.clock.put_forward(seconds)


def of_version_1(state: bytes) -> bytes:
    """A request as the first release recorded it, which knew no deadlines."""
    facts = json.loads(state)
    del facts["due_at"], facts["class_version"]
    return json.dumps(facts).encode()


def test_whatever_becomes_of_orders_is_decided_once_more(every_shop: Shop) -> None:
    shop = every_shop
    orders = [shop.order(("CD-X1", quantity), pays=pays) for pays in METHODS for quantity in (1, 101)]
    shop.settle()
    let_time_pass(shop, 60)
    for order in orders:
        if shop.status(order) == "CONFIRMED":
            shop.cancel(order)
    shop.settle()
    begun = shop.order("CD-X1")
    by_hand_of(shop).advance("OrderFulfilment")
    before = logs(shop.orderwright)

    report = deploy_check(shop.orderwright)

    assert_decides_the_same(report)
    stuck = [order for order in orders if shop.saga(order).status == "COMPENSATING"]
    assert (report.open, report.ended) == (len(stuck) + 1, len(orders) - len(stuck))
    assert len(stuck) == 2
    assert shop.saga(begun).status == "PAYMENT_PENDING"
    assert report.decisions > 60
    assert logs(shop.orderwright) == before


def test_what_people_told_a_saga_is_told_once_more_on_what_was_so_then(shop: Shop) -> None:
    way, system = by_hand_of(shop), shop.orderwright
    stuck = [shop.order(("CD-X1", 6), pays="pm_refund_fails") for _ in range(3)]
    shop.settle()
    retry_fulfilment(system, stuck[0], shop.context("olga"), "the card is open again")
    resume_fulfilment(system, stuck[1], PROCESS_PAYMENT, shop.context("olga"), "once more")
    force_fail(system, stuck[2], shop.context("olga"), "by transfer", refund_reference="t-1")
    shop.settle()

    ahead = shop.order("CD-X1")
    for follower in ("OrderFulfilment", "Payments", "PaymentCalls"):
        way.advance(follower)
    way.call_gateway()
    retry_fulfilment(system, ahead, shop.context("olga"), "tell it what its follower has not")
    while way.advance("Inventory"):
        pass
    force_complete(system, ahead, shop.context("olga"), "all is there")
    shop.settle()
    assert shop.status(ahead) == "CONFIRMED"

    assert_decides_the_same(deploy_check(system))


def test_a_deadline_is_told_once_more(shop: Shop) -> None:
    late = shop.order("CD-X1")
    by_hand_of(shop).level()
    scanner = shop.orderwright.deadline_scanner()
    scanner.step()
    let_time_pass(shop, 15 * 60)
    assert scanner.step() == 1
    shop.settle()
    assert shop.status(late) == "CANCELLED"

    assert_decides_the_same(deploy_check(shop.orderwright))


def test_a_saga_that_was_told_everything_at_once_is_told_so_once_more(shop: Shop) -> None:
    """As when a log is realigned: one command begins it and brings it to its end."""
    add_settled_orders(shop.orderwright, 3)

    report = deploy_check(shop.orderwright)

    assert_decides_the_same(report)
    assert (report.ended, report.decisions) == (3, 3)


def test_news_that_was_not_heard_yet_or_given_up_is_not_judged(shop: Shop) -> None:
    poison = Poison(shop.orderwright.fulfilments, lambda event: event.TOPIC == "Payment.Completed")
    given_up, parked = shop.order("CD-X1"), shop.order("CD-X1")
    shop.settle()
    poison.cure()
    desk = DeadLetterDesk(shop.orderwright)
    for case in desk.list(CaseQuery(), PageRequest()).items:
        if case.sequence == str(given_up):
            desk.discard(case.case_id, shop.context("olga"), "lost")
    unheard = shop.order("CD-X1")
    for follower in ("OrderFulfilment", "Payments", "PaymentCalls"):
        by_hand_of(shop).advance(follower)
    by_hand_of(shop).call_gateway()
    for order in (given_up, parked, unheard):
        assert shop.saga(order).status == "PAYMENT_PENDING"

    assert_decides_the_same(deploy_check(shop.orderwright))


def test_what_an_early_release_did_not_record_is_not_compared(shop: Shop) -> None:
    order = shop.order("CD-X1")
    shop.settle()
    change(shop.orderwright, "OrderFulfilment", fulfilment_id(order), 2, state=of_version_1)

    report = deploy_check(shop.orderwright)

    assert_decides_the_same(report)
    assert report.decisions == 4


def test_a_saga_with_an_event_that_cannot_be_read_is_named_and_no_difference(every_shop: Shop) -> None:
    shop = every_shop
    orders = [shop.order("CD-X1") for _ in range(4)]
    shop.settle()
    system = shop.orderwright
    for version, order in enumerate(orders[:3], start=1):
        change(system, "OrderFulfilment", fulfilment_id(order), version, state=truncated)
    change(system, "Payments", payment_id(orders[3]), 2, state=truncated)

    report = deploy_check(system)

    assert report.is_same
    (unknown,) = report.not_replayed
    assert unknown.why == "an event of the order cannot be read"
    assert set(unknown.orders) >= {str(order) for order in orders[1:]}
