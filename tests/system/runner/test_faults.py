"""What goes wrong and comes right by itself: conflicts with commands, and a store that is away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eventsourcing.persistence import (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Tracking,
)

from system.concurrency import background
from system.runner.loop import FollowerLoop
from tests.support.agreement import assert_read_models_agree, events_of
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]
STORE_FAULTS = [OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are for production."""
    monkeypatch.setattr(FollowerLoop, "first_pause", 0.005)
    monkeypatch.setattr(background, "LONGEST_PAUSE", 0.01)


def just_before_the_first_record(
    application: Any, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]
) -> list[int]:
    """Do something after an application's policies have decided and before that is recorded, once.

    Answers the positions that were tried to be recorded.
    """
    record, tried = application.record_work, []

    def interrupted(work: Any) -> Any:
        if work.position is not None:  # else it is a command
            tried.append(work.position.notification_id)
            if len(tried) == 1:
                with ThreadPoolExecutor() as another_thread:
                    another_thread.submit(meanwhile).result()
        return record(work)

    monkeypatch.setattr(application, "record_work", interrupted)
    return tried


def test_a_receipt_during_a_reservation_has_the_reservation_decided_anew(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    shop.receive("CD-X1", 1)
    order = shop.order(("CD-X1", 1))
    tried = just_before_the_first_record(
        shop.orderwright.inventory, monkeypatch, lambda: shop.receive("CD-X1", 5)
    )
    shop.settle()

    assert len(tried) == 2
    assert tried[0] == tried[1]
    assert shop.status(order) == "CONFIRMED"
    stock = shop.stock("CD-X1")
    assert (stock.on_hand, stock.reserved, stock.version) == (6, 1, 4)
    assert_stock_balances(shop.orderwright)


def test_a_correction_during_a_reservation_can_take_its_stock_away(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    receipt = shop.receive("CD-X1", 1)
    order = shop.order(("CD-X1", 1))
    just_before_the_first_record(
        shop.orderwright.inventory, monkeypatch, lambda: shop.correct("CD-X1", receipt, 0)
    )
    shop.settle()

    assert shop.status(order) == "CANCELLED"
    assert shop.payment(order).status == "REFUNDED"
    assert_at_rest(shop.orderwright)


def test_a_cancellation_during_the_confirmation_wins(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    shop.receive("CD-X1", 1)
    order = shop.order("CD-X1")
    tried = just_before_the_first_record(shop.orderwright.orders, monkeypatch, lambda: shop.cancel(order))
    shop.settle()

    assert len(tried) == 1  # the second time there was nothing to record
    assert shop.status(order) == "CANCELLED"
    assert [type(event).__name__ for event in events_of(shop.orderwright.orders)] == ["Created", "Cancelled"]
    assert_at_rest(shop.orderwright)
    assert_read_models_agree(shop)


def test_an_outcome_is_recorded_in_spite_of_a_refund_that_was_asked_meanwhile(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = open_way(ByHand, persistence)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 1)
    order = shop.order("CD-X1")
    way.level()
    second_worker = shop.orderwright.gateway_worker()
    save, tried = shop.orderwright.payments.save, []

    def interrupted(*payments: Any) -> Any:
        tried.append(payments)
        if len(tried) == 1:
            while not second_worker.step():
                pass
        return save(*payments)

    monkeypatch.setattr(shop.orderwright.payments, "save", interrupted)
    shop.settle()

    assert len(tried) > 1
    assert shop.status(order) == "CONFIRMED"
    assert_charged_at_most_once(shop.orderwright)


@pytest.mark.parametrize("fault", STORE_FAULTS)
def test_a_store_that_cannot_be_written_for_a_while_is_a_pause(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    runner = shop.orderwright.runner()
    follower = runner.loops["OrderFulfilment"]
    faults = trouble(monkeypatch, shop.orderwright.fulfilments.recorder, "insert_events", fault)
    runner.start()
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")

    wait_until(lambda: len(faults) > 3)
    assert follower.fault is not None
    assert follower.fault.startswith(fault.__name__)
    assert shop.status(order) == "CREATED"
    assert not runner.is_settled()

    faults.clear()
    faults.append("over")
    assert runner.wait_until_settled(PATIENCE_SECONDS)
    runner.stop()
    assert runner.loops["OrderFulfilment"].fault is None
    assert shop.status(order) == "CONFIRMED"
    assert_at_rest(shop.orderwright)


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError, RuntimeError])
def test_a_log_that_cannot_be_read_for_a_while_is_a_pause(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    runner = shop.orderwright.runner()
    faults = trouble(monkeypatch, shop.orderwright.payments.recorder, "select_notifications", fault)
    runner.start()
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    wait_until(lambda: len(faults) > 5)

    faults.clear()
    faults.append("over")
    assert runner.wait_until_settled(PATIENCE_SECONDS)
    runner.stop()
    assert {loop.fault for loop in runner.loops.values()} == {None}
    assert shop.status(order) == "CONFIRMED"


def trouble(monkeypatch: pytest.MonkeyPatch, recorder: Any, method: str, fault: type[Exception]) -> list[str]:
    """Have a method fail until the list that is answered holds "over"; till then it counts the faults."""
    works, faults = getattr(recorder, method), list[str]()

    def fails(*args: Any, **kwargs: Any) -> Any:
        if "over" in faults:
            return works(*args, **kwargs)
        faults.append("fault")
        raise fault("the database is away")

    monkeypatch.setattr(recorder, method, fails)
    return faults


def test_a_reply_that_is_lost_after_the_commit_does_not_record_twice(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(UnderOurRunner, persistence))
    lost: dict[str, int] = {}
    for name in ("OrderFulfilment", "Inventory", "SagaLog", "PaymentLedger", "PaymentCalls"):
        recorder = shop.orderwright.applications[name].recorder
        insert = recorder.insert_events

        def loses_replies(events: Any, name: str = name, insert: Any = insert, **kwargs: Any) -> Any:
            positions = insert(events, **kwargs)
            if kwargs.get("tracking") is not None:
                lost[name] = lost.get(name, 0) + 1
            if 1 <= lost.get(name, 0) <= 2:
                raise OperationalError("the connection broke before the answer came")
            return positions

        monkeypatch.setattr(recorder, "insert_events", loses_replies)
    shop.receive("CD-X1", 5)
    orders = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_timeout", "pm_declined")]
    shop.settle()

    assert [shop.status(order) for order in orders] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert_at_rest(shop.orderwright)
    assert_read_models_agree(shop)


def test_a_position_that_somebody_else_moved_is_left_alone(
    persistence: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, persistence)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    subscription = way.runner.loops["StockLevels"].subscriptions[0]
    assert subscription.position == 0
    shop.orderwright.stock_levels.recorder.insert_tracking(Tracking("Inventory", 2))

    subscription.advance()

    assert subscription.position == 2
    assert subscription.advance() == 0
    assert shop.orderwright.stock_levels.rows("SELECT * FROM @stock_levels") == []
