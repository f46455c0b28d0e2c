"""A log that does not have what its followers have read: they do not run, it takes nothing, all is told."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from domain.shared.causes import because_of
from system.audit import audit
from system.bootstrap import build
from system.gateways.simulated import SimulatedGateway
from system.observability.health import Health
from system.operations.doctor import examine
from system.persistence.agreement import LogDisagrees
from system.recovery.realigning import preview_realigning, realign
from system.settings.environment import Settings
from tests.support.fixtures import Environment, environment_for
from tests.support.logs import bring_back, damage_the_last, forget_marks, grow, lose_the_end
from tests.support.running_shop import Shop
from tests.support.stories import ADA_ASKS
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way
from tests.support.whole_store import everything_in

OpenWay = Callable[..., Way]
LOGS = pytest.mark.parametrize("log", ["Orders", "Payments"])
READERS = {
    "Orders": ["OrderDashboard", "OrderFulfilment"],
    "Payments": ["OrderDashboard", "OrderFulfilment", "PaymentCalls", "PaymentLedger"],
}


@pytest.fixture(params=["sqlite", "tuned"])
def a_store(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of a store of either kind, where the library's module adds nothing."""
    return environment_for(request.param, request, quick_folder)


def after_a_day_of_business(environment: Environment, open_way: OpenWay) -> Shop:
    """A shop with three confirmed orders; everybody has gone home."""
    shop = Shop(open_way(ByHand, environment))
    shop.receive("CD-X1", 100)
    for _ in range(3):
        shop.order("CD-X1")
    shop.settle()
    for loop in hands(shop).runner.loops.values():
        loop.carry_forward()
    return shop


def hands(shop: Shop) -> ByHand:
    """The way of a shop whose followers move by hand."""
    assert isinstance(shop.way, ByHand)
    return shop.way


def append_to(log: str, shop: Shop) -> None:
    """A command about orders or about payments."""
    if log == "Orders":
        shop.order("CD-X1")
        return
    payments = shop.orderwright.payments
    with because_of(ADA_ASKS):
        payment = payments.request_payment(
            uuid4(), payment_method="pm_ok", amount=Decimal("10.00"), currency="USD"
        )
    assert payment is not None
    payments.save(payment)


def doctor_on_logs(environment: Environment) -> tuple[str, str]:
    """What the doctor says about them."""
    check = next(check for check in examine(environment).checks if check.name == "logs")
    return str(check.status), check.detail


def assert_it_is_known(environment: Environment, open_way: OpenWay, log: str, told: str) -> Shop:
    """After a start everybody knows, nobody who is concerned runs, and that log takes nothing."""
    shop = Shop(open_way(ByHand, environment))
    heads = {name: app.recorder.max_notification_id() for name, app in shop.orderwright.applications.items()}

    with pytest.raises(LogDisagrees):
        append_to(log, shop)
    for follower in READERS[log]:
        with pytest.raises(LogDisagrees):
            hands(shop).advance(follower, log)
    check = next(check for check in Health(shop.orderwright, None).readiness().checks if check.name == "logs")
    assert not check.ok
    assert all(follower in check.detail for follower in READERS[log])
    report = examine(environment)
    assert not report.is_healthy
    detail = next(check for check in report.checks if check.name == "logs").detail
    assert told in detail
    assert all(f"{follower} has read {log}" in detail for follower in READERS[log])
    assert heads == {
        name: app.recorder.max_notification_id() for name, app in shop.orderwright.applications.items()
    }
    shop.receive("CD-X2", 1)  # which has to do with neither of them
    return shop


def assert_work_goes_on(shop: Shop) -> None:
    """A new order is charged, reserved and confirmed, and stands in every list."""
    order = shop.order("CD-X1")
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert shop.dashboard()[str(order)].payment_status == "COMPLETED"


@LOGS
def test_a_log_that_lost_its_end_is_known_and_takes_nothing_until_it_is_realigned(
    durable_persistence: Environment, open_way: OpenWay, log: str
) -> None:
    after_a_day_of_business(durable_persistence, open_way)
    lose_the_end(durable_persistence, log, 2)

    shop = assert_it_is_known(
        durable_persistence, open_way, log, "and that log ended at 4: 2 positions short"
    )

    report = realign(shop.orderwright, shop.context("olga"), "an older dump was put in place")
    assert [one.log for one in report.logs] == [log]
    assert shop.orderwright.disagreements() == []
    assert_work_goes_on(shop)


@LOGS
def test_it_is_found_although_the_log_has_grown_past_its_followers(
    durable_persistence: Environment, open_way: OpenWay, log: str
) -> None:
    after_a_day_of_business(durable_persistence, open_way)
    lose_the_end(durable_persistence, log, 2)
    grow(durable_persistence, log, 5)

    assert_it_is_known(durable_persistence, open_way, log, "has another event now, or none")


def test_growing_heals_nothing_that_was_found_while_only_positions_were_known(
    a_store: Environment, open_way: OpenWay
) -> None:
    after_a_day_of_business(a_store, open_way)
    forget_marks(a_store)
    lose_the_end(a_store, "Orders", 2)
    assert len(open_way(ByHand, a_store).orderwright.disagreements()) == 2
    grow(a_store, "Orders", 5, refused=True)

    assert_it_is_known(a_store, open_way, "Orders", "positions short")


def test_positions_of_an_early_release_are_good_while_their_log_is_long_enough(
    a_store: Environment, open_way: OpenWay
) -> None:
    after_a_day_of_business(a_store, open_way)
    forget_marks(a_store)

    shop = Shop(open_way(ByHand, a_store))
    assert shop.orderwright.disagreements() == []
    assert_work_goes_on(shop)
    store = shop.orderwright.dashboard.recorder
    position, mark = store.checkpoint("Orders")
    assert mark is not None
    assert mark.startswith(f"{position} ")


@LOGS
def test_a_log_that_has_again_what_was_read_is_open_again_by_itself(
    durable_persistence: Environment, open_way: OpenWay, log: str
) -> None:
    after_a_day_of_business(durable_persistence, open_way)
    lost = lose_the_end(durable_persistence, log, 2)
    assert len(open_way(ByHand, durable_persistence).orderwright.disagreements()) == len(READERS[log])

    bring_back(durable_persistence, log, lost)
    shop = Shop(open_way(ByHand, durable_persistence))
    assert shop.orderwright.disagreements() == []
    assert_work_goes_on(shop)


def test_a_row_that_was_damaged_is_still_the_row_that_was_read(
    a_store: Environment, open_way: OpenWay
) -> None:
    after_a_day_of_business(a_store, open_way)
    damage_the_last(a_store, "Payments")

    shop = Shop(open_way(ByHand, a_store))
    assert shop.orderwright.disagreements() == []
    assert_work_goes_on(shop)


def test_it_is_found_while_a_runner_runs_which_goes_on_when_it_is_realigned(
    on_postgres: Environment, open_way: OpenWay
) -> None:
    way = open_way(UnderOurRunner, on_postgres)
    assert isinstance(way, UnderOurRunner)
    shop = Shop(way)
    shop.receive("CD-X1", 100)
    for _ in range(3):
        shop.order("CD-X1")
    shop.settle()
    lose_the_end(on_postgres, "Orders", 2)

    loops = way.runner.loops
    wait_until(lambda: all("LogDisagrees" in (loops[name].fault or "") for name in READERS["Orders"]))
    with pytest.raises(LogDisagrees):
        shop.order("CD-X1")
    assert doctor_on_logs(on_postgres)[0] == "problem"

    realign(shop.orderwright, shop.context("olga"), "somebody deleted rows")
    wait_until(lambda: not any(loop.fault for loop in loops.values()))
    assert_work_goes_on(shop)
    assert doctor_on_logs(on_postgres)[0] == "ok"


def test_no_call_is_made_for_a_ledger_that_is_not_to_be_trusted(
    on_sqlite: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("system.runner.subscription.LOOK_AFTER_SECONDS", 0.1)
    shop = Shop(open_way(ByHand, on_sqlite))
    shop.receive("CD-X1", 100)
    shop.order("CD-X1")
    hands(shop).level()  # a charge is due, and nobody has made it
    shop.order("CD-X1")
    hands(shop).level()
    lose_the_end(on_sqlite, "Payments", 1)

    provider = SimulatedGateway()
    way = open_way(UnderOurRunner, on_sqlite, provider)
    assert isinstance(way, UnderOurRunner)
    loop = way.runner.loops["PaymentCalls"]
    wait_until(lambda: loop.fault is not None)
    assert loop.on_progress
    assert all(wakeup.is_held for wakeup in loop.on_progress)
    assert provider.charges == {}

    realign(way.orderwright, shop.context("olga"), "an older file was put in place")
    wait_until(lambda: len(provider.charges) == 2, what="the payment that was lost is asked for anew")


@pytest.mark.parametrize("follower", ["OrderDashboard", "OrderFulfilment"])
def test_a_page_in_hand_is_not_recorded_when_its_position_was_set_back_meanwhile(
    a_store: Environment, open_way: OpenWay, follower: str
) -> None:
    shop = after_a_day_of_business(a_store, open_way)
    shop.order("CD-X1")
    subscription = next(
        subscription
        for subscription in hands(shop).runner.loops[follower].subscriptions
        if subscription.leader.name == "Orders"
    )
    assert subscription.position > 0
    store = shop.orderwright.applications[follower].recorder
    store.restart(["Orders"], (), "realigned elsewhere")

    subscription.advance()
    assert store.checkpoint("Orders") == (0, "realigned elsewhere")
    assert subscription.position == 0
    shop.settle()
    assert store.checkpoint("Orders")[0] == shop.orderwright.orders.recorder.max_notification_id()


def test_who_has_nothing_to_read_looks_now_and_then_whether_its_position_was_set_back(
    a_store: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = after_a_day_of_business(a_store, open_way)
    monkeypatch.setattr("system.runner.subscription.LOOK_AFTER_SECONDS", 0)
    shop.orderwright.payments.recorder.restart(["OrderFulfilment"], (), "realigned elsewhere")

    assert hands(shop).advance("Payments") == 0
    assert hands(shop).advance("Payments") > 0


def test_a_read_model_that_is_built_anew_goes_on_with_logs_that_it_had_read_nothing_of(
    a_store: Environment, open_way: OpenWay
) -> None:
    """On the first day of a shop, before there was any payment."""
    shop = Shop(open_way(ByHand, a_store))
    shop.receive("CD-X1", 5)
    order, _ = (shop.order("CD-X1") for _ in range(2))
    hands(shop).advance("OrderDashboard")
    lose_the_end(a_store, "Orders", 1)

    shop = Shop(open_way(ByHand, a_store))
    realign(shop.orderwright, shop.context("olga"), "an older file was put in place")
    shop.settle()
    assert {id: row.status for id, row in shop.dashboard().items()} == {str(order): "CONFIRMED"}


def test_looking_at_what_would_be_done_changes_nothing(a_store: Environment, open_way: OpenWay) -> None:
    after_a_day_of_business(a_store, open_way)
    lose_the_end(a_store, "Orders", 2)
    orderwright = build(Settings.from_environment(a_store))  # by now it is noted
    before = everything_in(orderwright, a_store)

    report = preview_realigning(orderwright)
    assert not report.is_done
    assert before == everything_in(orderwright, a_store)
    orderwright.close()


def test_orders_that_only_others_know_of_are_named(a_store: Environment, open_way: OpenWay) -> None:
    shop = after_a_day_of_business(a_store, open_way)
    late = [shop.order("CD-X1") for _ in range(2)]
    hands(shop).level()
    lose_the_end(a_store, "Orders", 2)

    (log,) = preview_realigning(shop.orderwright).logs
    assert log.orders.count == 2
    assert set(log.orders.order_ids) == {str(order) for order in late}


def test_what_was_done_is_kept_with_who_and_why(a_store: Environment, open_way: OpenWay) -> None:
    after_a_day_of_business(a_store, open_way)
    lose_the_end(a_store, "Orders", 1)
    shop = Shop(open_way(ByHand, a_store))
    realign(shop.orderwright, shop.context("olga"), "an older dump")

    report = preview_realigning(shop.orderwright)
    assert report.logs == ()
    (done,) = report.earlier
    assert (done.made_by, done.reason) == ("olga", "an older dump")
    assert "Built anew: OrderDashboard" in done.what
    assert "OrderFulfilment reads Orders" in done.what


def test_reading_an_order_that_is_lost_does_not_touch_what_others_did(
    a_store: Environment, open_way: OpenWay
) -> None:
    """The saga of a lost order stays as it is, and the audit names it: money is held for an order that
    is not there."""
    shop = after_a_day_of_business(a_store, open_way)
    late = shop.order("CD-X1")
    shop.settle()
    for loop in hands(shop).runner.loops.values():
        loop.carry_forward()
    lose_the_end(a_store, "Orders", 2)  # its creation and its confirmation

    shop = Shop(open_way(ByHand, a_store))
    realign(shop.orderwright, shop.context("olga"), "an older dump")
    shop.settle()
    report = audit(shop.orderwright)
    assert {offender.order_id for offender in report.offenders} == {str(late)}
    assert_work_goes_on(shop)
