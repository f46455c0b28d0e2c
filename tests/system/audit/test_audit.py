"""The conservation audit is clean whatever customers and the provider do, on every persistence."""

import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.payments import Payment
from domain.shared.aggregates import EVENT_TYPES
from domain.shared.ids import fulfilment_id, payment_id, reservation_id
from system.audit import AuditReport, Rule, Stage, audit, audit_order, meanings, scan
from system.queries.trail import order_events
from system.runner import subscription
from tests.support.fixtures import Environment, OpenShop
from tests.support.running_shop import Shop
from tests.support.settled import PRICE, SKU, add_settled_orders
from tests.support.ways import ByHand, UnderOurRunner, Way

METHODS = (
    "pm_ok",
    "pm_declined",
    "pm_error_once",
    "pm_timeout",
    "pm_refund_fails",
    "pm_refund_fails_once",
    "pm_sea_shells",
)
DECLINED = {"pm_declined", "pm_sea_shells"}


def assert_clean(report: AuditReport) -> None:
    """Nobody breaks a rule, and no money is unaccounted for."""
    assert report.is_clean, report.offenders
    assert report.offenders == ()
    assert [result.offenders for result in report.rules] == [0] * len(Rule)
    assert {Decimal(money.difference) for money in report.money} <= {Decimal(0)}


def order_with_each(shop: Shop, quantity: int) -> dict[str, UUID]:
    """An order of each payment method, 20.00 USD for each piece."""
    return {pays: shop.order(("CD-X1", quantity, "20.00"), pays=pays) for pays in METHODS}


def test_every_payment_method_with_stock_without_and_cancelled(open_shop: OpenShop) -> None:
    shop = open_shop()
    receipt = shop.receive("CD-X1", 200)
    shop.correct("CD-X1", receipt, 20)
    kept, cancelled = order_with_each(shop, 1), order_with_each(shop, 1)
    shop.settle()
    too_much = order_with_each(shop, 50)
    for pays in cancelled.keys() - DECLINED:
        shop.cancel(cancelled[pays])
    shop.settle()
    in_yen = shop.order(("CD-X1", 1, "1500"), currency="JPY")
    shop.settle()
    assert shop.status(in_yen) == "CONFIRMED"

    report = audit(shop.orderwright)

    assert_clean(report)
    assert (report.orders, report.payments, report.products) == (22, 22, 1)
    assert report.reservations == 22 - 3 * len(DECLINED)
    waiting = {str(cancelled["pm_refund_fails"]), str(too_much["pm_refund_fails"])}
    assert (report.orders_in_progress, report.orders_waiting, set(report.waiting)) == (0, 2, waiting)
    yen, dollars = report.money
    assert (yen.currency, yen.captured, yen.owed) == ("JPY", "1500", "1500")
    assert (dollars.currency, dollars.captured) == ("USD", "5200.00")  # 5 + 5 for 20.00, 5 for 1,000.00
    assert (dollars.refunded, dollars.owed) == ("4080.00", "100.00")
    assert (dollars.held_in_progress, dollars.held_waiting) == ("0.00", "1020.00")
    assert report.stock is not None
    assert (report.stock.on_hand, report.stock.reserved, report.stock.available) == (20, 6, 14)
    heads = {name: shop.orderwright.applications[name].recorder.max_notification_id() for name in scan.LOGS}
    assert report.positions == heads
    for order in (*kept.values(), *cancelled.values(), *too_much.values()):
        assert_clean(audit_order(shop.orderwright, order))
    alone = audit_order(shop.orderwright, cancelled["pm_refund_fails"])
    assert (alone.orders, alone.orders_waiting, alone.money[0].held_waiting) == (1, 1, "20.00")
    assert (alone.stock, alone.events) == (None, len(trail(shop, cancelled["pm_refund_fails"])))


def trail(shop: Shop, order: UUID) -> list[Any]:
    """The events of an order, without those of the products."""
    return [
        event for event in order_events(shop.orderwright, order) if not event.type.startswith("StockItem")
    ]


def test_an_empty_store_is_clean(shop: Shop) -> None:
    report = audit(shop.orderwright)
    assert_clean(report)
    assert (report.events, report.orders, report.money) == (0, 0, ())


def test_at_every_step_of_an_order_the_audit_is_clean(shop: Shop, by_hand: ByHand) -> None:
    shop.receive("CD-X1", 3)
    orders = order_with_each(shop, 1)
    held = set()
    for step in range(40):
        report = audit(shop.orderwright)
        assert_clean(report)
        for order in orders.values():
            assert_clean(audit_order(shop.orderwright, order))
        held.add(report.money[0].held_in_progress)
        if step == 20:
            shop.cancel(orders["pm_ok"])
        followers = sorted(by_hand.runner.loops)
        by_hand.advance(followers[step % len(followers)])
        by_hand.worker.step()
        by_hand.orderwright.clock.put_forward(1)  # type: ignore[attr-defined]  # it stands otherwise
    assert len(held) > 2, "money was held on the way"
    shop.settle()
    assert_clean(audit(shop.orderwright))


def test_while_a_runner_works(persistence: Environment, open_way: Callable[..., Way]) -> None:
    shop = Shop(open_way(UnderOurRunner, persistence))
    shop.receive("CD-X1", 1000)
    seen_in_progress = 0
    for _ in range(10):
        orders = order_with_each(shop, 2)
        shop.cancel(orders["pm_ok"])
        shop.cancel(orders["pm_refund_fails_once"])
        report = audit(shop.orderwright)
        assert_clean(report)
        seen_in_progress += report.orders_in_progress
    assert seen_in_progress, "nothing was under way while it was audited"
    shop.settle()
    report = audit(shop.orderwright)
    assert_clean(report)
    assert (report.orders, report.orders_in_progress) == (10 * len(METHODS), 0)


def test_an_order_on_the_desk_waits_for_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PAUSE_BETWEEN_ATTEMPTS", 0.001)
    fulfilments, handle = shop.orderwright.fulfilments, shop.orderwright.fulfilments.handle
    shop.receive("CD-X1", 9)
    paid, cancelled = shop.order("CD-X1"), shop.order("CD-X1")

    def fails(event: Any, work: Any) -> None:
        if getattr(event, "order_id", None) == paid and isinstance(event, Payment.Completed):
            raise ValueError("cannot bear it")
        if event.originator_id == cancelled and type(event).__name__ == "Cancelled":
            raise ValueError("cannot bear it either")
        handle(event, work)

    monkeypatch.setattr(fulfilments, "handle", fails)
    shop.settle()
    shop.cancel(cancelled)
    shop.settle()

    report = audit(shop.orderwright)
    assert_clean(report)
    assert set(report.waiting) == {str(paid), str(cancelled)}
    assert (report.orders_in_progress, report.money[0].held_waiting) == (0, "20.00")


def test_progress_goes_up_to_the_whole_in_every_stage(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "PAGE", 7)
    add_settled_orders(shop.orderwright, 5)
    shop.order(SKU)
    told: dict[str, list[tuple[int, int]]] = {}
    report = audit(
        shop.orderwright, lambda stage, done, whole: told.setdefault(stage, []).append((done, whole))
    )
    assert list(told) == [Stage.READING, Stage.JUDGING]
    assert told[Stage.READING][-1] == (report.events, report.events) == (sum(report.positions.values()),) * 2
    assert told[Stage.JUDGING][-1] == (6, 6)
    for stage in told.values():
        assert stage == sorted(stage)
    assert len(told[Stage.READING]) > 5


def test_what_is_kept_in_memory_is_a_few_bytes_an_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "PAGE", 100)
    peaks = []
    for first, orders in ((0, 300), (300, 900)):
        add_settled_orders(shop.orderwright, orders, first=first)
        for remembering in (fulfilment_id, payment_id, reservation_id):
            remembering.cache_clear()  # so that it shows when the audit fills them
        tracemalloc.start()
        report = audit(shop.orderwright)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert_clean(report)
        assert report.orders == first + orders
        assert report.money[0].owed == str(PRICE * report.orders)
        assert report.events == 13 * report.orders + 1 + len(peaks)
    assert (peaks[1] - peaks[0]) / 900 < 300, "bytes an order"


def test_every_kind_of_event_has_a_meaning_or_is_named_as_irrelevant() -> None:
    named = [
        *(topic for table in (meanings.ORDER, meanings.SAGA, meanings.PAYMENT) for topic in table),
        *meanings.RESERVATION,
        *meanings.SHELF,
        *meanings.IRRELEVANT,
    ]
    families = (
        "Order.",
        "OrderReference.",
        "Fulfilment.",
        "Payment.",
        "Reservation.",
        "StockItem.",
        "Supply.",
    )
    assert sorted(named) == sorted(topic for topic in EVENT_TYPES if topic.startswith(families))
