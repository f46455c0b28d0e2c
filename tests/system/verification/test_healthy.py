"""Of a store that is as it should be nothing is told, whatever has happened there and while it works."""

from threading import Semaphore, Thread
from uuid import UUID

import pytest
from eventsourcing.domain import AggregateCreated
from eventsourcing.persistence import IntegrityError

from application.base import CommandContext
from domain.orders import Order
from domain.shared.aggregates import EVENT_TYPES
from system.persistence.postgres.recorder import TunedRecorder
from system.recovery.realigning import realign
from system.verification.report import Finding
from system.verification.rows import BEGINNINGS
from system.verification.run import verify
from tests.scenarios.test_read_models import busy_day
from tests.support.damage import cut_off
from tests.support.fixtures import Environment, OpenWay
from tests.support.planting import let_it_be_heard, vandal
from tests.support.poison import Poison
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, UnderOurRunner
from tests.system.recovery.dead_letters.at_the_desk import Desk

VERIFICATIONS = 10
ORDERS_MEANWHILE = 6


def found(shop: Shop, *, is_full: bool = False) -> tuple[Finding, ...]:
    return verify(shop.orderwright, is_full=is_full).findings


def test_it_is_known_which_stream_is_begun_by_whatever_begins_one() -> None:
    begin = {kind for kind in EVENT_TYPES.values() if issubclass(kind, AggregateCreated)}
    assert {kind for kind in begin if not kind.__module__.startswith("tests.")} == set(BEGINNINGS)


def test_after_a_busy_day_nothing_is_wrong(environment: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(ByHand, environment))
    busy_day(shop)

    assert found(shop) == ()
    shop.order("TEAPOT")
    assert found(shop) == ()
    report = verify(shop.orderwright, is_full=True)
    assert report.findings == ()
    assert report.compared["OrderDashboard"] == 19
    assert sum(log.read for log in report.logs) == sum(log.head for log in report.logs) > 200


def test_in_memory_it_works_as_well(in_memory: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    busy_day(shop)

    assert found(shop, is_full=True) == ()


def test_ten_times_beside_orders_that_come_in(environment: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(UnderOurRunner, environment))
    shop.receive("TEA", 100_000)
    placed: list[UUID] = []
    may_come = Semaphore(0)

    def customers() -> None:
        while may_come.acquire(timeout=PATIENCE_SECONDS) and len(placed) < VERIFICATIONS * ORDERS_MEANWHILE:
            placed.append(shop.order("TEA", pays=("pm_ok", "pm_declined")[len(placed) % 2]))

    coming_in = Thread(target=customers, daemon=True)
    coming_in.start()
    for number in range(VERIFICATIONS):
        before = len(placed)
        may_come.release(ORDERS_MEANWHILE)
        wait_until(lambda before=before: len(placed) > before)  # type: ignore[misc]  # bound at once
        assert verify(shop.orderwright, is_full=number == VERIFICATIONS - 1, sample=20).findings == ()
    may_come.release(VERIFICATIONS * ORDERS_MEANWHILE + 1)
    coming_in.join(PATIENCE_SECONDS)
    shop.settle()
    assert found(shop, is_full=True) == ()


def test_what_is_parked_held_back_discarded_and_retried_is_no_finding(
    environment: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, environment))
    shop.receive("TEA", 10)
    for _ in range(3):
        shop.order("TEA")
    fault = Poison(shop.orderwright.dashboard, lambda event: isinstance(event, Order.Created))
    let_it_be_heard(shop)
    fault.cure()
    shop.order("TEA")
    let_it_be_heard(shop)

    report = verify(shop.orderwright, is_full=True)
    assert report.findings == ()
    assert report.skipped["OrderDashboard"] == 3

    desk = Desk(shop.orderwright)
    first, second, _ = (one.case_id for one in desk.cases() if one.what == "Order.Created")
    desk.retry(first, sequence=True)
    desk.discard(second)
    report = verify(shop.orderwright, is_full=True)
    assert report.findings == ()
    assert report.skipped["OrderDashboard"] == 2


def test_after_a_log_was_realigned_its_seals_are_told_and_all_is_well(
    environment: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, environment))
    shop.receive("TEA", 10)
    for _ in range(3):
        shop.order("TEA")
    let_it_be_heard(shop)
    cut_off(shop.orderwright, "Orders", 4)
    assert shop.orderwright.disagreements()
    realign(shop.orderwright, CommandContext("c-1", FRIDAY_NOON, "olga"), "restored")
    shop.way.restart()  # type: ignore[attr-defined]  # by hand
    let_it_be_heard(shop)

    left = [one for one in found(shop) if one.table is None]
    assert left == []


def test_positions_that_refused_appends_have_burnt_are_no_finding(
    tuned_postgres: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, tuned_postgres))
    order = shop.order("TEA")
    recorder = shop.orderwright.orders.recorder
    assert isinstance(recorder, TunedRecorder)
    stale = shop.orderwright.orders.find(Order, order)
    assert stale is not None
    shop.cancel(order)
    with vandal(order):
        stale.confirm()
    with pytest.raises(IntegrityError):
        shop.orderwright.orders.save(stale)
    shop.order("TEA")

    report = verify(shop.orderwright)
    assert report.findings == ()
    (log,) = [one for one in report.logs if one.log == "Orders"]
    assert (log.head, log.holes, log.holes_unknown) == (4, 1, 1)
    (log,) = [one for one in verify(shop.orderwright).logs if one.log == "Orders"]
    assert (log.holes, log.holes_unknown) == (1, 0)
