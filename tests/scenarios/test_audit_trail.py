"""Everything that was recorded about an order, from every application, says who, why, and in which order."""

from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from application.orders import OrderNotFound
from system.queries.trail import order_events
from tests.support.running_shop import Shop

OF_ITS_OWN = {"Orders", "OrderFulfilment", "Payments"}


def assert_is_a_full_account(trail: list[Any], order: UUID, commands: list[str]) -> None:
    """Each event is caused by an earlier one or by a command, and carries all of its metadata."""
    seen: dict[str, Any] = {}
    for event in trail:
        assert event.event_id not in seen
        if event.causation_id in seen:
            assert event.command_id == seen[event.causation_id].command_id
            assert event.recorded_at >= seen[event.causation_id].recorded_at
        else:
            assert event.causation_id in commands, f"{event.type} stands before what caused it"
            assert event.command_id == event.causation_id
        assert event.correlation_id == str(order)
        assert event.user == "ada"
        assert event.recorded_at.tzinfo is not None
        seen[event.event_id] = event
    for application in {event.application for event in trail}:
        positions = [event.position for event in trail if event.application == application]
        assert positions == sorted(set(positions))
    for stream in {event.stream_id for event in trail if event.application in OF_ITS_OWN}:
        in_stream = [event for event in trail if event.stream_id == stream]
        assert [event.stream_version for event in in_stream] == list(range(1, len(in_stream) + 1))
        assert all(one.recorded_at <= next_.recorded_at for one, next_ in pairwise(in_stream))


def test_of_a_confirmed_order_it_reads_from_the_command_to_the_end(shop: Shop) -> None:
    shop.receive("CD-X1", 5)
    order = shop.order(("CD-X1", 2), command_id="ada-orders")
    shop.settle()

    trail = order_events(shop.orderwright, order)
    assert [event.type for event in trail] == [
        "Order.Created",
        "Fulfilment.Started",
        "Fulfilment.PaymentRequested",
        "Payment.Requested",
        "Payment.Completed",
        "Fulfilment.StepCompleted",
        "Fulfilment.ReservationRequested",
        "Reservation.Made",
        "StockItem.Reserved",
        "Fulfilment.StepCompleted",
        "Fulfilment.ConfirmationRequested",
        "Order.Confirmed",
        "Fulfilment.Completed",
    ]
    assert_is_a_full_account(trail, order, ["ada-orders"])


def test_of_an_order_with_every_kind_of_trouble_it_leaves_nothing_out(shop: Shop) -> None:
    shop.receive("CD-X1", 5)
    order = shop.order(("CD-X1", 2), pays="pm_refund_fails_once", command_id="ada-orders")
    shop.settle()
    shop.cancel(order, command_id="ada-cancels")
    shop.settle()

    trail = order_events(shop.orderwright, order)
    assert_is_a_full_account(trail, order, ["ada-orders", "ada-cancels"])
    assert {event.type for event in trail} >= {
        "Order.Cancelled",
        "Fulfilment.UnwindingStarted",
        "StockItem.Released",
        "Reservation.Released",
        "Payment.RefundAttemptFailed",
        "Payment.Refunded",
        "Fulfilment.CompensationAttemptFailed",
        "Fulfilment.StepCompensated",
        "Fulfilment.Failed",
    }
    cancelled = next(event for event in trail if event.type == "Order.Cancelled")
    assert cancelled.payload == {"reason": "changed my mind"}
    assert trail[-1].type == "Fulfilment.Failed"
    assert trail[-1].command_id == "ada-cancels"


def test_it_has_only_the_order_itself_and_neither_its_neighbours_nor_other_stock(shop: Shop) -> None:
    shop.receive("CD-X1", 5)
    orders = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_timeout", "pm_declined")]
    shop.settle()

    trails = [order_events(shop.orderwright, order) for order in orders]
    for order, trail in zip(orders, trails, strict=True):
        assert {event.correlation_id for event in trail} == {str(order)}
    ids = [event.event_id for trail in trails for event in trail]
    assert len(ids) == len(set(ids))


def test_of_an_unknown_order_there_is_none(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        order_events(shop.orderwright, UUID(int=7))
