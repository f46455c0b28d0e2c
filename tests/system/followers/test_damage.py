"""A stored event that cannot be read is the fault of the events that need it, and of them alone."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from application.unreadable import UnreadableEvent
from domain.shared.ids import fulfilment_id, payment_id, reservation_id, stock_item_id
from system.audit import audit
from system.followers.parking import parking_lot_id
from system.followers.salvage import lot_of
from system.operations.doctor import examine
from system.operations.positions import damaged_lots, parked_events
from tests.support.damage import change, delete, truncated
from tests.support.fixtures import Environment, OpenWay
from tests.support.invariants import assert_stock_balances
from tests.support.poison import Poison, poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.ways import ByHand
from tests.system.recovery.dead_letters.at_the_desk import Desk

__all__ = ["short_pauses"]


def newer(state: bytes) -> bytes:
    """As a newer release would write it."""
    return json.dumps({**json.loads(state), "class_version": 99}).encode()


def without_a_field(state: bytes) -> bytes:
    return json.dumps({name: value for name, value in json.loads(state).items() if name != "sku"}).encode()


def opened(open_way: OpenWay, environment: Environment) -> tuple[Shop, ByHand]:
    way = open_way(ByHand, environment)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 100)
    shop.receive("CD-X2", 100)
    return shop, way


def parked(shop: Shop) -> set[tuple[str, str]]:
    """Who has parked something of which conversation."""
    return {(one.follower, one.event.sequence) for one in parked_events(shop.orderwright)}


DAMAGES: dict[str, dict[str, Any]] = {
    "truncated": {"state": truncated},
    "newer release": {"state": newer},
    "field missing": {"state": without_a_field},
    "unknown kind": {"topic": "StockItem.Teleported"},
    "versions missing": {"to_version": 7},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_product_that_cannot_be_read_stops_its_own_orders_alone(
    persistence: Environment, open_way: OpenWay, damage: str
) -> None:
    shop, way = opened(open_way, persistence)
    repair = change(shop.orderwright, "Inventory", stock_item_id("CD-X1"), 2, **DAMAGES[damage])
    first = [shop.order("CD-X2") for _ in range(3)]
    bad = shop.order("CD-X1")
    both = shop.order("CD-X2", "CD-X1")
    later = [shop.order("CD-X2") for _ in range(3)]
    shop.settle()

    assert {shop.status(order) for order in first + later} == {"CONFIRMED"}
    assert {shop.status(order) for order in (bad, both)} == {"CREATED"}
    assert {one for one in parked(shop) if one[0] == "Inventory"} == {
        ("Inventory", str(bad)),
        ("Inventory", str(both)),
    }
    (case, _) = [one for one in Desk(shop.orderwright).cases() if one.where == "Inventory"]
    assert str(stock_item_id("CD-X1")) in (case.error or "")

    repair()
    way.restart()
    report = Desk(shop.orderwright).retry_all()
    assert report.failed == 0
    shop.settle()
    assert {shop.status(order) for order in (bad, both)} == {"CONFIRMED"}
    assert parked(shop) == set()
    assert_stock_balances(shop.orderwright)


@pytest.mark.parametrize(
    ("application", "stream_of"),
    [("Payments", payment_id), ("Inventory", reservation_id), ("OrderFulfilment", fulfilment_id)],
)
def test_an_order_with_damage_waits_when_it_is_cancelled_and_all_others_go_on(
    persistence: Environment, open_way: OpenWay, application: str, stream_of: Callable[[UUID], UUID]
) -> None:
    shop, way = opened(open_way, persistence)
    bad, good = shop.order("CD-X1"), shop.order("CD-X1")
    shop.settle()
    repair = change(shop.orderwright, application, stream_of(bad), 1, state=truncated)
    way.restart()
    for order in (bad, good):
        shop.cancel(order)
    fresh = shop.order("CD-X1")
    shop.settle()

    assert shop.status(fresh) == "CONFIRMED"
    assert shop.saga(good).status == "FAILED"
    assert (application, str(bad)) in parked(shop)

    repair()
    way.restart()
    assert Desk(shop.orderwright).retry_all().failed == 0
    shop.settle()
    assert shop.saga(bad).status == "FAILED"
    assert parked(shop) == set()
    assert audit(shop.orderwright).is_clean


def test_a_payment_that_cannot_be_read_delays_no_other_answer_of_the_provider(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop, way = opened(open_way, persistence)
    bad, good = shop.order("CD-X1"), shop.order("CD-X1")
    way.level()
    change(shop.orderwright, "Payments", payment_id(bad), 1, state=truncated)
    way.restart()
    way.work_until(lambda: shop.status(good) == "CONFIRMED")


def test_a_refund_whose_payment_cannot_be_read_waits_for_that_and_delays_no_other(
    persistence: Environment, open_way: OpenWay
) -> None:
    """What a refund gives back is told by its payment alone."""
    shop, way = opened(open_way, persistence)
    bad, good = shop.order(("CD-X1", 101)), shop.order(("CD-X1", 101))
    way.level()
    way.call_gateway()
    way.level()
    repair = change(shop.orderwright, "Payments", payment_id(bad), 1, state=truncated)
    way.restart()
    way.work_until(lambda: shop.payment(good).status == "REFUNDED")
    assert shop.payment(bad).status == "REFUND_REQUESTED"

    repair()
    way.restart()
    shop.settle()
    assert shop.payment(bad).status == "REFUNDED"
    assert audit(shop.orderwright).is_clean


def with_a_parked_order(shop: Shop, way: ByHand, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """An order whose payment could not be told to its fulfilment."""
    bad = shop.order("CD-X1")
    with monkeypatch.context() as patch:
        poison(
            patch,
            shop.orderwright.fulfilments,
            lambda event: type(event).__qualname__ == "Payment.Completed" and event.order_id == bad,
        )
        shop.settle()
    assert parked(shop) == {("OrderFulfilment", str(bad))}
    way.restart()
    return bad


LOT = parking_lot_id("OrderFulfilment")


@pytest.mark.parametrize(
    ("version", "damage"),
    [
        (1, {"state": truncated}),
        (2, {"state": truncated}),
        (2, {"state": newer}),
        (2, {"topic": "ParkingLot.EventTeleported"}),
        (2, {"to_version": 5}),
        (2, {"state": b""}),
    ],
)
def test_a_lot_that_cannot_be_read_stops_no_order_that_it_does_not_name(
    durable_persistence: Environment,
    open_way: OpenWay,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
    damage: dict[str, Any],
) -> None:
    shop, way = opened(open_way, durable_persistence)
    bad = with_a_parked_order(shop, way, monkeypatch)
    repair = change(shop.orderwright, "OrderFulfilment", LOT, version, **damage)
    names_nobody = damage == {"state": b""}
    way.restart()
    shop.cancel(bad)  # which may not be processed before the payment
    good = shop.order("CD-X1")
    poisoned = shop.order("CD-X1")
    fault = Poison(
        shop.orderwright.fulfilments,
        lambda event: type(event).__qualname__ == "Payment.Completed" and event.order_id == poisoned,
    )
    shop.settle()
    fault.cure()

    assert shop.status(good) == "CONFIRMED"
    assert ("OrderFulfilment", str(poisoned)) in parked(shop)  # it can still park
    if not names_nobody:
        assert shop.saga(bad).status == "PAYMENT_PENDING"  # the cancellation waits
    (lot,) = damaged_lots(shop.orderwright)
    (wrong,) = lot.damage
    assert (lot.follower, wrong.application, wrong.stream_id) == (
        "OrderFulfilment",
        "OrderFulfilment",
        str(LOT),
    )
    assert wrong.version == damage.get("to_version", version)
    assert wrong.position is not None

    # It is told wherever somebody would look, and nothing is done to what is not known in full.
    said = f"version {wrong.version} of stream {LOT}"
    report = examine(durable_persistence)
    assert not report.is_healthy
    (check,) = [one for one in report.checks if one.name == "parking lots"]
    assert said in check.detail
    assert any(said in offender.found for offender in audit(shop.orderwright).offenders)
    desk = Desk(shop.orderwright)
    (case,) = [one for one in desk.cases() if one.sequence == str(poisoned)]
    with pytest.raises(UnreadableEvent):
        desk.retry(case.case_id)
    if names_nobody or "to_version" in damage:  # the lot has gone on behind it: there is no way back
        return

    repair()
    way.restart()
    assert damaged_lots(shop.orderwright) == ()
    assert desk.retry_all().failed == 0
    shop.settle()
    assert shop.saga(bad).status == "FAILED"
    assert shop.status(poisoned) == "CONFIRMED"
    assert parked(shop) == set()


@pytest.mark.parametrize("row_is_there", [False, True])
def test_what_left_a_damaged_lot_does_not_wait_there(
    on_sqlite: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch, row_is_there: bool
) -> None:
    shop, way = opened(open_way, on_sqlite)
    bad = with_a_parked_order(shop, way, monkeypatch)
    shop.cancel(bad)
    way.level()
    assert Desk(shop.orderwright).retry_all().failed == 0
    other = with_a_parked_order(shop, way, monkeypatch)
    if row_is_there:  # it says that the lot was opened, because of what has left it since
        change(shop.orderwright, "OrderFulfilment", LOT, 1, state=truncated)
    else:
        delete(shop.orderwright, "OrderFulfilment", LOT, 1)
    way.restart()

    lot = lot_of(shop.orderwright.fulfilments)
    assert lot is not None
    assert set(lot.parked) == {str(other)}
    assert lot.doubtful == frozenset()
    assert len(lot.damage) == 1
