"""The list at the desk: what stands on it, how it is filtered and paged, and what cannot be done there."""

from datetime import timedelta
from typing import Any

import pytest

from application.queries import InvalidQuery, PageRequest
from domain.shared.errors import DomainError
from system.followers.parked import CaseNotFound
from system.queries.lot_events import lot_events
from system.recovery.dead_letters.cases import Case, CaseQuery, NotForThisCase
from system.recovery.dead_letters.desk import DeadLetterDesk
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment, OpenWay
from tests.support.poison import Poison
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import ByHand

from .at_the_desk import Desk, about, shop_by_hand


def test_a_saga_that_cannot_be_undone_stands_on_the_desk_with_its_money(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    order = shop.order(("CD-X1", 2, "20.00"), pays="pm_refund_fails")
    shop.settle()
    shop.cancel(order)
    shop.settle()

    (case,) = desk.cases()
    assert case.case_id == f"saga:{order}:ProcessPayment"
    assert (case.kind, case.where, case.what) == ("saga", "ProcessPayment", "Fulfilment.CompensationFailed")
    assert (case.attempts, case.error, case.order_id) == (5, "the provider refuses refunds", str(order))
    assert case.first_at <= case.last_at
    assert case.waiting is not None
    assert (case.waiting.money, case.waiting.currency, case.waiting.stock) == ("40.00", "USD", ())
    assert desk.cases(kind="saga", order_id=order) == [case]
    assert DeadLetterDesk(shop.orderwright).show(case.case_id).waiting == case.waiting
    with pytest.raises(NotForThisCase, match=f"fulfilments force-fail {order}"):
        desk.discard(case.case_id)
    with pytest.raises(NotForThisCase, match="a dry run is for events only"):
        DeadLetterDesk(shop.orderwright).dry_run(case.case_id)
    assert desk.cases() == [case]


@pytest.mark.parametrize(
    "case_id",
    [
        "",
        "x",
        "saga:",
        "saga:x:y",
        "call:x",
        "Orders:Payments:1",
        "OrderDashboard:Orders:",
        "OrderDashboard:Orders:-1",
        "OrderDashboard:Orders:٣",
        "OrderDashboard:Orders:1",
        f"OrderDashboard:Orders:{10**30}",
        "saga:0b9fbf3c-6f0d-4d3e-9c3f-2f0f8c6a4c11:ProcessPayment",
    ],
)
def test_an_id_under_which_nothing_waits_is_no_case(
    in_memory: Environment, open_way: OpenWay, case_id: str
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    for act in (lambda: DeadLetterDesk(shop.orderwright).show(case_id), lambda: desk.retry(case_id)):
        with pytest.raises(CaseNotFound):
            act()
    with pytest.raises(CaseNotFound):
        desk.discard(case_id)
    with pytest.raises(CaseNotFound):
        DeadLetterDesk(shop.orderwright).dry_run(case_id)


def test_cases_are_filtered_and_paged(in_memory: Environment, open_way: OpenWay) -> None:
    clock = StandingClock()
    way = open_way(ByHand, in_memory, clock=clock)
    shop, desk = Shop(way), Desk(way.orderwright)
    shop.receive("CD-X1", 100)
    Poison(shop.orderwright.dashboard, lambda event: type(event).__qualname__ == "Order.Created")
    Poison(shop.orderwright.fulfilments, lambda event: type(event).__qualname__ == "Payment.Completed")
    orders = []
    for _ in range(4):
        orders.append(shop.order("CD-X1"))
        shop.settle()
        clock.put_forward(3600)

    assert len(desk.cases()) == 8
    assert [case.first_at for case in desk.cases()] == sorted(case.first_at for case in desk.cases())
    assert {case.where for case in desk.cases(kind="projection")} == {"OrderDashboard"}
    assert [case.order_id for case in desk.cases(follower="OrderFulfilment")] == [str(o) for o in orders]
    assert {case.where for case in desk.cases(order_id=orders[2])} == {"OrderDashboard", "OrderFulfilment"}
    assert {case.what for case in desk.cases(error="BEAR completed")} == {"Payment.Completed"}
    assert desk.cases(error="no such words") == []
    later = FRIDAY_NOON + timedelta(hours=2)
    assert {case.order_id for case in desk.cases(since=later)} == {str(order) for order in orders[2:]}
    assert {case.order_id for case in desk.cases(until=later)} == {str(order) for order in orders[:2]}
    assert desk.cases(since=later, until=later) == []

    found: list[Case] = []
    cursor: str | None = None
    while True:
        page = DeadLetterDesk(shop.orderwright).list(CaseQuery(), PageRequest(3, cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == desk.cases()
    for cursor in ("x", "WyIyMDI0IiwgIngiXQ", "WyJ4IiwgIngiXQ"):
        with pytest.raises(InvalidQuery):
            DeadLetterDesk(shop.orderwright).list(CaseQuery(), PageRequest(3, cursor))
    for wrong in ({"kind": "ghost"}, {"follower": "Ghost"}):
        with pytest.raises(InvalidQuery):
            desk.cases(**wrong)


def test_all_that_match_are_retried_and_a_second_run_finds_what_is_left(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    orders = [shop.order("CD-X1") for _ in range(5)]
    poison = Poison(shop.orderwright.saga_log, lambda event: type(event).__name__ == "StepCompleted")
    shop.settle()
    query = CaseQuery(follower="SagaLog")
    assert DeadLetterDesk(shop.orderwright).preview_all(query).matching == 5
    poison.is_bad = about(orders[0], "Fulfilment.StepCompleted")
    seen: list[int] = []
    report = DeadLetterDesk(shop.orderwright).retry_all(
        query, desk.context(), "found it", progress=lambda cases, _: seen.append(cases)
    )
    assert (report.matching, report.cured, report.failed, report.gone) == (5, 4, 1, 0)
    assert seen == [1, 2, 3, 4, 5]
    (failure,) = report.failures
    (left,) = desk.cases()
    assert (failure.case_id, left.attempts, left.order_id) == (left.case_id, 4, str(orders[0]))
    poison.cure()
    assert (desk.retry_all().cured, desk.retry_all().matching) == (1, 0)
    assert {case.status for case in [shop.saga(order) for order in orders]} == {"COMPLETED"}


def test_pages_of_all_that_match_pass_over_those_that_fail_again(
    in_memory: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    for _ in range(5):
        shop.order("CD-X1")
    Poison(shop.orderwright.saga_log, lambda event: type(event).__name__ == "StepCompleted")
    shop.settle()
    cursor, pages = None, []
    while True:
        report = DeadLetterDesk(shop.orderwright).retry_all(
            CaseQuery(), desk.context("same"), page=PageRequest(2, cursor)
        )
        pages.append((report.failed, report.matching))
        cursor = report.next_cursor
        if cursor is None:
            break
    assert pages == [(2, 5), (2, 5), (1, 5)]
    assert {case.attempts for case in desk.cases()} == {4}


def test_the_desk_opens_when_the_order_itself_cannot_be_read(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, way, desk = shop_by_hand(open_way, durable_persistence)
    order, other = shop.order("CD-X1"), shop.order("CD-X1")
    poison = Poison(shop.orderwright.saga_log, about(order))
    Poison(shop.orderwright.saga_log, about(other))
    shop.settle()
    poison.cure()
    payments = shop.orderwright.payments
    decode = payments.mapper.to_domain_event

    def cannot_decode(stored: object) -> object:
        event = decode(stored)  # type: ignore[arg-type]
        if getattr(event, "order_id", None) == order:
            raise ValueError("damaged")
        return event

    monkeypatch.setattr(payments.mapper, "to_domain_event", cannot_decode)
    money = {case.order_id: case.waiting and case.waiting.money for case in desk.cases()}
    assert money == {str(order): None, str(other): "10.00"}  # what cannot be read cannot be told
    way.level()


def test_what_an_order_costs_to_tell_does_not_grow_with_what_others_have_parked(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, _ = shop_by_hand(open_way, persistence)
    order = shop.order("CD-X1")
    for _ in range(5):
        shop.order("CD-X1")
    Poison(shop.orderwright.saga_log, lambda event: type(event).__name__ == "Started")
    shop.settle()
    mapper = shop.orderwright.saga_log.mapper
    decode, decoded = mapper.to_domain_event, []

    def counted(stored: Any) -> Any:
        decoded.append(stored)
        return decode(stored)

    monkeypatch.setattr(mapper, "to_domain_event", counted)
    found = list(lot_events(shop.orderwright, order))
    assert len(found) == len(decoded) > 3
    assert {event.correlation_id for event in found} == {str(order)}


def test_a_case_is_shown_with_its_event_and_all_behind_it(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    Poison(shop.orderwright.saga_log, about(bad, "Fulfilment.Started"))
    shop.settle()
    (case,) = desk.cases()
    shown = DeadLetterDesk(shop.orderwright).show(case.case_id)
    assert shown.event is not None
    assert (shown.event.type, shown.event.error) == ("Fulfilment.Started", None)
    assert shown.event.payload is not None
    assert shown.event.payload["order_id"] == str(bad)
    assert len(shown.held_back_events) == case.held_back
    second = DeadLetterDesk(shop.orderwright).show(shown.held_back_events[0].case_id)
    assert (second.waits_behind, second.error, second.attempts) == (case.case_id, None, 0)
    assert second.held_back_events == shown.held_back_events[1:]


def test_a_reason_is_needed_to_discard(in_memory: Environment, open_way: OpenWay) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    for reason in ("", "x" * 501, " x", "x\x00"):
        with pytest.raises(DomainError):
            DeadLetterDesk(shop.orderwright).discard("SagaLog:OrderFulfilment:1", desk.context(), reason)
