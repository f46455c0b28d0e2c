"""A rehearsal names what a rebuild would fail at, before anything is touched."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.orders import Order
from domain.payments import Payment
from system.definition import OrderDashboard, PaymentLedger
from system.definition import orderwright as definition
from system.followers.unit_of_work import UnitOfWork
from system.recovery.read_models.rehearsing import FailedEvent, Rehearsal, rehearse
from tests.scenarios.test_read_models import busy_day
from tests.support.agreement import PROJECTIONS, events_of
from tests.support.damage import change
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand
from tests.support.whole_store import everything_in


def as_first_stored(state: bytes) -> bytes:
    """An order as the first release stored it: it had no currency, no day and no version of its class."""
    facts = json.loads(state)
    for later in ("class_version", "currency", "placed_on"):
        facts.pop(later)
    return json.dumps(facts, separators=(",", ":")).encode()


def cannot_handle(monkeypatch: pytest.MonkeyPatch, kind: type[Any], order: UUID, error: Exception) -> None:
    """Deploy code of the dashboard that fails at one kind of event of an order."""
    handle = OrderDashboard.handle

    def fails(self: OrderDashboard, event: Any, work: UnitOfWork) -> None:
        handle(self, event, work)
        if isinstance(event, kind) and order in (event.originator_id, getattr(event, "order_id", None)):
            raise error

    monkeypatch.setattr(OrderDashboard, "handle", fails)


def test_a_planted_old_event_that_the_new_code_cannot_handle_is_named(
    persistence: Environment, open_way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    orders = [shop.order("TEAPOT", customer="bob") for _ in range(30)]
    shop.settle()
    old = orders[17]
    change(shop.orderwright, "Orders", old, 1, state=as_first_stored)
    cannot_handle(monkeypatch, Order.Created, old, KeyError("placed_on"))
    before = everything_in(shop.orderwright, persistence)

    found = rehearse(shop.orderwright, shop.orderwright.dashboard, orders=0)

    (failure,) = found.failures
    assert (failure.leader, failure.type, failure.version) == ("Orders", "Order.Created", 1)
    assert (failure.failed, failure.tried, failure.error) == (1, 1, "KeyError: 'placed_on'")
    assert failure.events == (FailedEvent(18, str(old)),)
    assert found.would_fail
    counts = {one.version: (one.stored, one.failed) for one in found.kinds if one.type == "Order.Created"}
    assert counts == {1: (1, 1), 2: (29, 0)}
    assert everything_in(shop.orderwright, persistence) == before


def test_every_kind_of_event_is_tried_that_concerns_the_read_model(
    persistence: Environment, open_way: Any
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    busy_day(shop)
    change(shop.orderwright, "Orders", next(iter(placed(shop))), 1, state=as_first_stored)

    for name in PROJECTIONS:
        projection: Any = shop.orderwright.applications[name]
        found = rehearse(shop.orderwright, projection, orders=3)
        stored = {
            (leader, event.TOPIC)
            for leader in definition.follows[name]
            for event in events_of(shop.orderwright.applications[leader])
            if event.TOPIC in projection.handled_topics
        }
        assert {(kind.leader, kind.type) for kind in found.kinds} == stored
        assert all(1 <= kind.tried <= kind.stored and not kind.failed for kind in found.kinds)
        assert (found.failures, found.would_fail) == ((), False)
        expected = found.forecast
        assert expected.slices > 0
        assert (expected.bytes or 0) > 0 <= (expected.from_seconds or 0) <= (expected.to_seconds or 0)
        versions = {kind.version for kind in found.kinds if kind.type == "Order.Created"}
        assert versions == ({1, 2} if name == "OrderDashboard" else set())


def placed(shop: Shop) -> list[UUID]:
    """Every order."""
    return [event.originator_id for event in events_of(shop.orderwright.orders, "Order.Created")]


def test_each_event_of_so_many_orders_by_chance_is_tried(in_memory: Environment, open_way: Any) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    for _ in range(40):
        shop.order("TEAPOT")
    shop.settle()

    few = rehearse(shop.orderwright, shop.orderwright.payment_ledger, orders=0, seed=7)
    many = rehearse(shop.orderwright, shop.orderwright.payment_ledger, orders=40, seed=7)
    again = rehearse(shop.orderwright, shop.orderwright.payment_ledger, orders=40, seed=7)

    assert few.orders < many.orders == 40
    assert {kind.tried for kind in many.kinds} == {40}
    assert replace(many, forecast=few.forecast) == replace(again, forecast=few.forecast)
    assert (
        rehearse(shop.orderwright, shop.orderwright.payment_ledger).seed
        != rehearse(shop.orderwright, shop.orderwright.payment_ledger).seed
    )


def test_the_same_error_at_many_events_is_one_group(
    in_memory: Environment, open_way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    orders = [shop.order("TEAPOT") for _ in range(30)]
    shop.settle()
    handle = PaymentLedger.handle

    def fails(self: PaymentLedger, event: Any, work: UnitOfWork) -> None:
        handle(self, event, work)
        if isinstance(event, Payment.Completed):
            raise ValueError(f"the payment of {event.order_id} has no teapot")

    monkeypatch.setattr(PaymentLedger, "handle", fails)

    (failure,) = rehearse(shop.orderwright, shop.orderwright.payment_ledger, orders=30).failures

    assert (failure.type, failure.failed, failure.tried) == ("Payment.Completed", 30, 30)
    assert failure.error == "ValueError: the payment of ... has no teapot"
    named = failure.events
    assert len(named) == 20 == len({event.about for event in named} & set(map(str, orders)))
    assert sorted(event.position for event in named) == [event.position for event in named]


def test_an_event_that_cannot_be_read_is_named_with_what_it_still_says(
    in_memory: Environment, open_way: Any
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    order = shop.order("TEAPOT")
    shop.settle()
    change(shop.orderwright, "Orders", order, 1, state=lambda state: state.replace(b"TEAPOT", b"TEA\\u0000"))

    (failure,) = rehearse(shop.orderwright, shop.orderwright.dashboard, orders=0).failures

    assert (failure.type, failure.events[0].about) == ("Order.Created", str(order))


def test_a_store_without_events_has_nothing_to_be_tried(in_memory: Environment, open_way: Any) -> None:
    shop = Shop(open_way(ByHand, in_memory))

    found: Rehearsal = rehearse(shop.orderwright, shop.orderwright.stock_levels)

    assert (found.events, found.kinds, found.tried, found.would_fail) == (0, (), 0, False)
