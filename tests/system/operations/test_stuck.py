"""What stands still is found, on every store, and what merely takes its time is not."""

from collections.abc import Callable

import pytest

from application.ports import GatewayError
from domain.fulfilment import PROCESS_PAYMENT
from system.operations.stuck import PositionWatch, StuckReport, find_stuck, owners_of
from system.projections.saga_log.overdue import ALLOWED, HAND_OVER_WITHIN
from tests.support.by_hand import clock, gateway, way
from tests.support.clocks import StandingClock
from tests.support.gateways import TroublesomeGateway
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

__all__ = ["clock", "gateway", "way"]

PAYING = ALLOWED[PROCESS_PAYMENT, "EXECUTING"].total_seconds()
REFUNDING = ALLOWED[PROCESS_PAYMENT, "COMPENSATING"].total_seconds()


@pytest.fixture
def shop(way: ByHand) -> Shop:
    """A shop with five records on the shelf, all settled."""
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    shop.settle()
    return shop


def rest(way: ByHand) -> None:
    """Have followers record where they are, also when the last events led to nothing."""
    for loop in way.runner.loops.values():
        loop.carry_forward()


def stuck(shop: Shop, meanwhile: Callable[[], object] = lambda: None) -> StuckReport:
    """What is stuck. `meanwhile` happens between two looks at the positions."""
    assert isinstance(shop.way, ByHand)
    rest(shop.way)
    owners = dict.fromkeys(owners_of(shop.orderwright), "somebody")
    return find_stuck(shop.orderwright, owners, pause=lambda _: meanwhile())


def test_where_everything_moves_nothing_is_stuck(shop: Shop, clock: StandingClock) -> None:
    shop.order("CD-X1")
    shop.order("CD-X1", pays="pm_declined")
    shop.settle()
    clock.put_forward(100 * PAYING)
    assert not stuck(shop).is_stuck


def test_a_payment_that_takes_longer_than_it_may(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    began = clock.now
    order = shop.order("CD-X1")
    way.level()
    clock.put_forward(PAYING)
    assert not stuck(shop).overdue
    clock.put_forward(1)
    (saga,) = stuck(shop).overdue
    assert (saga.order_id, saga.status) == (str(order), "PAYMENT_PENDING")
    assert (saga.step, saga.step_status) == (PROCESS_PAYMENT, "EXECUTING")
    assert (saga.since, saga.allowed_seconds) == (began, PAYING)
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert not stuck(shop).is_stuck


def test_trying_again_is_no_progress(
    shop: Shop, way: ByHand, clock: StandingClock, gateway: TroublesomeGateway
) -> None:
    def fail(_: object) -> None:
        raise GatewayError("busy")

    gateway.before = fail
    began = clock.now
    order = shop.order("CD-X1")
    way.level()
    clock.put_forward(PAYING - 1)
    way.call_gateway()
    way.level()
    assert "busy" in shop.errors(order)[0]
    clock.put_forward(2)
    assert [saga.since for saga in stuck(shop).overdue] == [began]


def test_undoing_has_a_time_of_its_own(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    order = shop.order("CD-X1")
    shop.settle()
    clock.put_forward(PAYING * 10)
    shop.cancel(order)
    way.level()
    began = clock.now
    clock.put_forward(REFUNDING)
    assert not stuck(shop).overdue
    clock.put_forward(1)
    (saga,) = stuck(shop).overdue
    assert (saga.status, saga.step_status, saga.since) == ("COMPENSATING", "COMPENSATING", began)


def test_an_order_that_is_not_confirmed_in_time(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    shop.order("CD-X1")
    way.level()
    way.call_gateway()
    while sum(way.advance(follower) for follower in way.runner.loops if follower != "Orders"):
        pass
    clock.put_forward(HAND_OVER_WITHIN.total_seconds() + 1)
    (saga,) = stuck(shop).overdue
    assert (saga.status, saga.step, saga.step_status) == (
        "INVENTORY_RESERVED",
        "ReserveInventory",
        "COMPLETED",
    )


def test_who_waits_for_a_person_is_told_apart(shop: Shop, clock: StandingClock) -> None:
    orders = {str(shop.order(("CD-X1", 9), pays="pm_refund_fails")) for _ in range(3)}
    shop.settle()
    clock.put_forward(REFUNDING + PAYING)
    report = stuck(shop)
    assert (set(report.waiting), report.waiting_count, report.overdue) == (orders, 3, ())
    assert report.is_stuck


def test_more_than_are_named_are_counted(
    shop: Shop, way: ByHand, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("system.operations.stuck.SHOWN", 2)
    first = shop.order("CD-X1")
    clock.put_forward(1)
    for pays in ("pm_ok", "pm_ok", "pm_refund_fails", "pm_refund_fails", "pm_refund_fails"):
        shop.order(("CD-X1", 9) if pays == "pm_refund_fails" else "CD-X1", pays=pays)
    way.level()
    clock.put_forward(PAYING + 1)
    report = stuck(shop)
    assert (len(report.overdue), report.overdue_count) == (2, 6)
    assert report.overdue[0].order_id == str(first)
    shop.settle()
    report = stuck(shop)
    assert (len(report.waiting), report.waiting_count) == (2, 3)


def test_a_position_that_does_not_move(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    before = clock.now
    shop.order("CD-X1")
    for follower in ("OrderFulfilment", "OrderDashboard"):
        way.advance(follower)
    clock.put_forward(29)
    assert not stuck(shop).positions
    clock.put_forward(1)
    standing = {(one.follower, one.leader): one for one in stuck(shop).positions}
    # Goods and orders have nothing to do with a payment that is asked for: they are not behind.
    assert standing.keys() == {(name, "OrderFulfilment") for name in ("Payments", "SagaLog")}
    assert standing["SagaLog", "OrderFulfilment"].lag == 2
    assert standing["SagaLog", "OrderFulfilment"].unread_since == before

    moving = stuck(shop, meanwhile=lambda: way.advance("SagaLog")).positions
    assert {one.follower for one in moving} == {"Payments"}


def test_who_is_behind_and_moves_is_not_stuck(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    def work() -> None:
        way.advance("OrderDashboard", "Orders")
        shop.order("CD-X1")
        clock.put_forward(60)

    shop.order("CD-X1")
    clock.put_forward(60)
    assert {one.follower for one in stuck(shop).positions} == {"OrderFulfilment", "OrderDashboard"}
    assert {one.follower for one in stuck(shop, meanwhile=work).positions} == {"OrderFulfilment"}


def test_a_watch_tells_from_the_second_look_on(shop: Shop, way: ByHand, clock: StandingClock) -> None:
    time = [0.0]
    watch = PositionWatch(lambda: time[0])

    def look(at: float) -> set[str]:
        time[0] = at
        return {one.follower for one in find_stuck(shop.orderwright, {}, watch).positions}

    rest(way)
    shop.order("CD-X1")
    clock.put_forward(60)
    assert look(0) == set()
    assert look(0.9) == set()
    assert look(1) == {"OrderFulfilment", "OrderDashboard"}
    way.advance("OrderDashboard")
    assert look(2) == {"OrderFulfilment"}
    way.level()
    rest(way)
    assert look(3) == set()
    shop.order("CD-X1")
    clock.put_forward(60)
    assert look(4) == set()  # it was level a moment ago
    assert "OrderDashboard" in look(5)


def test_followers_that_nobody_runs(shop: Shop) -> None:
    report = find_stuck(shop.orderwright, {"SagaLog": "host:1", "Payments": None, "Orders": None})
    assert report.unowned == ("Orders", "Payments")
    assert report.is_stuck


def test_parked_events_are_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ValueError("the ink is gone")

    monkeypatch.setattr("system.projections.saga_log.follower.log_entry", break_down)
    shop.order("CD-X1")
    shop.order("CD-X1")
    shop.settle()
    (parked,) = stuck(shop).parked
    assert (parked.follower, parked.parked) == ("SagaLog", 2)
    assert parked.held_back > 2
