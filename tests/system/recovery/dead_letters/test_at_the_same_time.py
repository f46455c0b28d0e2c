"""The desk, a follower that goes on, and other desks: nothing is processed twice, early, or never."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from application.errors import DomainError
from domain.shared.ids import stock_item_id
from system.followers.parked import CaseNotFound
from system.settings.environment import IN_MEMORY
from tests.support.agreement import assert_read_models_agree, events_of, live_rows, rebuilt_rows
from tests.support.fixtures import Environment, OpenWay
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.poison import Poison
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, UnderOurRunner

from .at_the_desk import Desk, about, results, shop_by_hand


def just_before_recording(
    follower: Any, monkeypatch: pytest.MonkeyPatch, whose: str, meanwhile: Callable[[], object]
) -> list[object]:
    """Once, between what the desk or the runner has decided and its being recorded, something else happens.

    Answers what was tried to be recorded by that one.
    """
    record, tried = follower.record_work, []

    def interrupted(work: Any) -> None:
        if whose == ("desk" if work.position is None else "runner"):
            tried.append(work)
            if len(tried) == 1:
                with ThreadPoolExecutor(1) as another_thread:
                    another_thread.submit(meanwhile).result()
        record(work)

    monkeypatch.setattr(follower, "record_work", interrupted)
    return tried


def test_a_later_event_arrives_while_the_desk_retries(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, way, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.fulfilments, about(bad, "Payment.Completed"))
    shop.settle()
    poison.cure()
    shop.cancel(bad)
    (case,) = desk.cases()

    def hold_back() -> None:
        assert way.advance("OrderFulfilment") == 1

    tried = just_before_recording(shop.orderwright.fulfilments, monkeypatch, "desk", hold_back)
    report = desk.retry(case.case_id)
    assert (results(report), report.still_waiting) == (["Payment.Completed retried"], 1)
    assert len(tried) == 2  # the first time was refused, as the lot had changed
    (behind,) = desk.cases()
    assert behind.what == "Order.Cancelled"
    while desk.cases():
        desk.retry(desk.cases()[0].case_id, sequence=True)
        shop.settle()
    assert_at_rest(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)


def test_the_last_event_leaves_while_the_runner_holds_a_later_one_back(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, way, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.fulfilments, about(bad, "Payment.Completed"))
    shop.settle()
    poison.cure()
    shop.cancel(bad)
    (case,) = desk.cases()

    def leave() -> None:
        assert desk.retry(case.case_id).still_waiting == 0

    tried = just_before_recording(shop.orderwright.fulfilments, monkeypatch, "runner", leave)
    assert way.advance("OrderFulfilment", "Orders") == 1
    assert len(tried) == 2  # nothing waited any more, so it was processed instead
    assert desk.cases() == []
    shop.settle()
    assert shop.saga(bad).status == "FAILED"
    kinds = [type(event).__name__ for event in events_of(shop.orderwright.fulfilments)]
    assert "EventHeldBack" not in kinds
    assert kinds.index("StepCompleted") < kinds.index("OrderCancellationNoted")
    assert_at_rest(shop.orderwright)


@pytest.mark.parametrize("other", ["retry", "discard"])
def test_two_desks_take_the_same_event_and_one_of_them_has_it(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.fulfilments, about(bad, "Payment.Completed"))
    shop.settle()
    poison.cure()
    (case,) = desk.cases()
    second = Desk(shop.orderwright, "otto")
    just_before_recording(
        shop.orderwright.fulfilments,
        monkeypatch,
        "desk",
        lambda: getattr(second, other)(case.case_id),
    )
    with pytest.raises(CaseNotFound):
        desk.retry(case.case_id)
    left = [
        (type(event).__name__, event.user)
        for event in events_of(shop.orderwright.fulfilments)
        if type(event).__name__ in ("EventRetried", "EventDiscarded", "RetryFailed")
    ]
    assert left == [("EventRetried" if other == "retry" else "EventDiscarded", "otto")]
    completed = [event.step for event in events_of(shop.orderwright.fulfilments, "Fulfilment.StepCompleted")]
    assert completed == (["ProcessPayment"] if other == "retry" else [])


def test_a_sequence_goes_on_behind_what_another_desk_has_taken(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.saga_log, about(bad, "Fulfilment.Started"))
    shop.settle()
    poison.cure()
    (case,) = desk.cases()
    record, recorded = shop.orderwright.saga_log.record_work, []

    def another_takes_the_second(work: Any) -> None:
        recorded.append(work)
        if len(recorded) == 2:
            Desk(shop.orderwright, "otto").retry(desk.cases()[0].case_id)
        record(work)

    monkeypatch.setattr(shop.orderwright.saga_log, "record_work", another_takes_the_second)
    report = desk.retry(case.case_id, sequence=True)
    assert len(report.events) == case.held_back  # all but the one that otto took
    assert (desk.cases(), report.still_waiting) == ([], 0)
    assert live_rows(shop.orderwright) == rebuilt_rows(shop.orderwright)


def test_two_desks_empty_a_desk_that_a_living_runner_keeps_filling(
    persistence: Environment, open_way: OpenWay
) -> None:
    way = open_way(UnderOurRunner, persistence)
    shop = Shop(way)
    shop.receive("CD-X1", 1000)
    followers = (shop.orderwright.fulfilments, shop.orderwright.dashboard)
    bad = ("Payment.Completed", "Fulfilment.PaymentRequested")
    poisons = [Poison(follower, lambda event: type(event).__qualname__ in bad) for follower in followers]
    orders = [shop.order("CD-X1") for _ in range(6)]
    way.work_until(lambda: len(Desk(shop.orderwright).cases()) == 12)
    for poison in poisons:
        poison.cure()
    # On a store that outlives a process, otto sits in another one: no memory in common with the runner.
    is_shared = persistence["PERSISTENCE_MODULE"] != IN_MEMORY
    elsewhere = open_way(ByHand, persistence).orderwright if is_shared else shop.orderwright
    systems = {"opal": shop.orderwright, "otto": elsewhere}
    is_done = threading.Event()

    def work_at_a_desk(user: str) -> None:
        desk = Desk(systems[user], user)
        while not is_done.is_set():
            for case in desk.cases():
                with contextlib.suppress(DomainError):  # the other one has it
                    desk.retry(case.case_id, sequence=user == "otto")

    with ThreadPoolExecutor(2) as desks:
        working = [desks.submit(work_at_a_desk, user) for user in ("opal", "otto")]
        for order in orders[::2]:
            shop.cancel(order)
        try:
            way.work_until(lambda: not Desk(shop.orderwright).cases() and _is_at_rest(shop))
        finally:
            is_done.set()
        for work in working:
            work.result()
    shop.settle()
    assert Desk(shop.orderwright).cases() == []
    for follower in followers:
        assert_each_left_once_and_in_order(follower)
    assert_at_rest(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)
    assert_stock_balances(shop.orderwright)
    assert_read_models_agree(shop)
    assert live_rows(shop.orderwright) == rebuilt_rows(shop.orderwright)


def test_in_memory_the_lot_and_what_it_frees_are_read_as_of_one_moment(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, _ = shop_by_hand(open_way, in_memory)
    recorder: Any = shop.orderwright.inventory.recorder
    select, could_write = recorder.select_events, []

    def look(*arguments: Any, **more: Any) -> Any:
        with ThreadPoolExecutor(1) as another_thread:
            could_write.append(
                another_thread.submit(recorder._database_lock.acquire, blocking=False).result()
            )
        return select(*arguments, **more)

    monkeypatch.setattr(recorder, "select_events", look)
    assert len(recorder.select_streams({stock_item_id("CD-X1"): 0, stock_item_id("CD-X2"): 0})) == 2
    assert could_write == [False, False]


def _is_at_rest(shop: Shop) -> bool:
    return {row.fulfilment_status for row in shop.dashboard().values()} <= {"COMPLETED", "FAILED"}


def assert_each_left_once_and_in_order(follower: Any) -> None:
    """What was put aside has left the lot once, and the events of a sequence in the order they came."""
    came: dict[str, list[Any]] = {}
    left: dict[str, list[Any]] = {}
    for event in events_of(follower):
        kind = type(event).__name__
        if kind in ("EventParked", "EventHeldBack"):
            came.setdefault(event.sequence, []).append((event.leader, event.position))
        if kind in ("EventRetried", "EventDiscarded"):
            left.setdefault(event.sequence, []).append((event.leader, event.position))
    assert came == left
    assert came
    counts = Counter(place for places in came.values() for place in places)
    assert set(counts.values()) == {1}
