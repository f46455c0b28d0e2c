"""An event that cannot be processed is put aside with its error; its order waits, every other goes on."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from domain.payments import Payment
from system.operations.doctor import Verdict, examine
from system.operations.positions import ParkedReport, parked_events
from system.queries.trail import order_events
from tests.support.fixtures import Environment
from tests.support.invariants import assert_stock_balances
from tests.support.poison import poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]

__all__ = ["short_pauses"]


def parked(shop: Shop) -> list[ParkedReport]:
    """What is parked, anywhere."""
    return parked_events(shop.orderwright)


@pytest.mark.parametrize("page_size", ["1", "7", "500"])
def test_a_policy_that_fails_for_one_order_stops_that_order_alone(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch, page_size: str
) -> None:
    way = open_way(ByHand, {**persistence, "ORDERWRIGHT_PAGE_SIZE": page_size})
    shop = Shop(way)
    shop.receive("CD-X1", 100)
    orders = [shop.order("CD-X1") for _ in range(9)]
    bad = orders[4]
    failed = poison(
        monkeypatch,
        shop.orderwright.fulfilments,
        lambda event: isinstance(event, Payment.Completed) and event.order_id == bad,
    )
    shop.settle()
    shop.cancel(bad)
    shop.settle()

    assert {shop.status(order) for order in orders if order != bad} == {"CONFIRMED"}
    assert shop.saga(bad).status == "PAYMENT_PENDING"
    assert {event.order_id for event in failed} == {bad}
    first, behind = parked(shop)
    assert first.follower == behind.follower == "OrderFulfilment"
    assert (first.event.topic, first.event.error) == (
        "Payment.Completed",
        "ValueError: cannot bear Completed",
    )
    assert first.event.leader == "Payments"
    payments = shop.orderwright.payments.recorder
    assert payments.select_notifications(first.event.position, 1)[0].originator_id == first.event.stream_id
    assert (behind.event.topic, behind.event.error) == ("Order.Cancelled", None)
    assert first.event.sequence == behind.event.sequence == str(bad)
    assert_stock_balances(shop.orderwright)


def test_later_events_of_the_order_are_held_back_in_order(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(UnderOurRunner, in_memory))
    shop.receive("CD-X1", 1)
    bad_orders: set[str] = set()
    poison(
        monkeypatch,
        shop.orderwright.saga_log,
        lambda event: event.correlation_id in bad_orders and type(event).__name__ == "Started",
    )
    bad_orders.add(str(UUID(int=0)))
    shop.settle()
    command = "the-bad-one"
    monkeypatch.setattr("application.orders.uuid4", lambda: UUID(int=0))
    bad = shop.order("CD-X1", command_id=command)
    shop.settle()

    assert shop.status(bad) == "CONFIRMED"  # only the list of sagas is without it
    waiting = parked(shop)
    assert {report.follower for report in waiting} == {"SagaLog"}
    assert [report.event.error is None for report in waiting] == [False] + [True] * (len(waiting) - 1)
    assert [report.event.topic for report in waiting] == [
        "Fulfilment.Started",
        "Fulfilment.PaymentRequested",
        "Fulfilment.StepCompleted",
        "Fulfilment.ReservationRequested",
        "Fulfilment.StepCompleted",
        "Fulfilment.Completed",
    ]
    positions = [report.event.position for report in waiting]
    assert positions == sorted(positions)
    trail = order_events(shop.orderwright, bad)
    assert [event.type for event in trail if event.application == "SagaLog"] == [
        "ParkingLot.EventParked",
        *["ParkingLot.EventHeldBack"] * 5,
    ]


@pytest.mark.parametrize(
    ("topic", "state", "error"),
    [
        ("Order.Created", b'{"damaged":', "cannot be decoded"),
        ("Order.Created", b"\xff\xfe", "cannot be decoded"),
        ("Order.Created", b"[]", "does not hold an event"),
        ("Order.Created", b'{"class_version":99}', "has version 99"),
        ("Order.Teleported", b"{}", "has a topic that is not known here"),
        ("os:system", b"{}", "has a topic that is not known here"),
    ],
)
def test_an_event_that_cannot_be_read_is_parked_and_all_orders_go_on(
    durable_persistence: Environment, open_way: OpenWay, topic: str, state: bytes, error: str
) -> None:
    shop = Shop(open_way(ByHand, durable_persistence))
    shop.receive("CD-X1", 5)
    before = shop.order("CD-X1")
    stream = uuid4()
    shop.orderwright.orders.recorder.insert_events([StoredEvent(stream, 1, topic, state)])
    after = shop.order("CD-X1")
    shop.settle()

    assert (shop.status(before), shop.status(after)) == ("CONFIRMED", "CONFIRMED")
    reports = parked(shop)
    assert {report.follower for report in reports} == {"OrderFulfilment", "OrderDashboard"}
    for report in reports:
        assert (report.event.leader, report.event.position) == ("Orders", 2)
        assert (report.event.stream_id, report.event.stream_version) == (stream, 1)
        assert report.event.sequence == str(stream)
        assert error in (report.event.error or "")

    found = examine(durable_persistence)
    assert not found.is_healthy
    check = next(check for check in found.checks if check.name == "parked events")
    assert check.status is Verdict.PROBLEM
    assert error in check.detail
    assert found.parked == tuple(reports)


def test_an_error_that_goes_away_when_tried_again_parks_nothing(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, {**in_memory, "ORDERWRIGHT_PAGE_SIZE": "1"}))
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    failures = iter([True, True])
    poison(
        monkeypatch,
        shop.orderwright.inventory,
        lambda event: type(event).__name__ == "ReservationRequested" and next(failures, False),
    )
    shop.settle()

    assert parked(shop) == []
    assert shop.status(order) == "CONFIRMED"
    assert_stock_balances(shop.orderwright)


def test_what_is_parked_stays_parked_over_a_restart(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = open_way(ByHand, durable_persistence)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    bad = shop.order("CD-X1")
    with monkeypatch.context() as patch:
        poison(patch, shop.orderwright.fulfilments, lambda event: type(event).__name__ == "Requested" or True)
        way.level()
    assert len(parked(shop)) == 1

    way.restart()
    good = shop.order("CD-X1")
    shop.cancel(bad)
    shop.settle()

    assert shop.status(good) == "CONFIRMED"
    assert [report.event.topic for report in parked(shop)] == ["Order.Created", "Order.Cancelled"]


def test_a_fault_that_hits_every_order_costs_as_much_for_each_however_full_the_lot_is(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    shop.receive("CD-X1", 100)
    orders = [shop.order("CD-X1") for _ in range(40)]
    saga_log = shop.orderwright.saga_log
    decode, decoded = saga_log.mapper.to_domain_event, []

    def counted(stored: StoredEvent) -> Any:
        decoded.append(stored)
        return decode(stored)

    monkeypatch.setattr(saga_log.mapper, "to_domain_event", counted)
    poison(monkeypatch, saga_log, lambda event: type(event).__name__ == "Started")
    shop.settle()
    assert {report.event.sequence for report in parked(shop)} == {str(order) for order in orders}
    assert len(decoded) < 10 * (saga_log.recorder.max_notification_id() or 0)
