"""An order is judged by what it is at one moment, however much moves while it is looked at."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from domain.orders import Order
from domain.payments import Payment
from domain.shared.ids import fulfilment_id, payment_id, reservation_id
from system.audit import examine
from system.audit.examine import TRIES, Examiner
from system.audit.facts import Standing
from system.runner import subscription
from tests.support.planting import NOBODY, let_it_be_heard, plant, plant_stored
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON


@pytest.fixture
def order(shop: Shop) -> UUID:
    """A confirmed order, which its customer has just cancelled: nobody has heard of that yet."""
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    let_it_be_heard(shop)
    shop.cancel(order)
    return order


def meanwhile(shop: Shop, happens: Callable[[], object]) -> Examiner:
    """An examiner to whom something happens each time between its looks at the streams and positions."""

    class Interrupted(Examiner):
        def _is_heard(self, streams: Any) -> bool:
            happens()
            return super()._is_heard(streams)

    return Interrupted(shop.orderwright)


def test_an_order_that_is_undone_while_it_is_looked_at(shop: Shop, order: UUID) -> None:
    examined = meanwhile(shop, lambda: let_it_be_heard(shop)).examine(order)

    assert (examined.breaches, examined.standing) == ([], Standing.SETTLED)
    assert examined.facts is not None
    assert (examined.facts.captured, examined.facts.kept) == (1000, 0)


def test_an_order_that_never_stands_still_is_in_progress(shop: Shop, order: UUID) -> None:
    let_it_be_heard(shop)
    stored = shop.orderwright.orders.find(Order, order)
    assert stored is not None
    plant(shop.orderwright.orders, stored, Order.Confirmed)  # which contradicts its fulfilment, FAILED
    let_it_be_heard(shop)
    assert Examiner(shop.orderwright).examine(order).breaches
    times = []

    def move() -> None:
        payment = shop.paid(order)
        times.append(payment)
        plant(
            shop.orderwright.payments,
            payment,
            Payment.RefundAttemptFailed,
            order_id=order,
            attempt=1,
            error="",
            since=FRIDAY_NOON,
            times=1,
            next_at=FRIDAY_NOON,
        )

    examined = meanwhile(shop, move).examine(order)
    assert len(times) == TRIES
    assert (examined.breaches, examined.standing) == ([], Standing.IN_PROGRESS)


def test_an_order_that_is_parked_while_others_are_looked_at(
    shop: Shop, order: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "PAUSE_BETWEEN_ATTEMPTS", 0.001)
    examiner = Examiner(shop.orderwright)
    assert not examine.parked_sequences(shop.orderwright)

    def fails(*_: object) -> None:
        raise ValueError("cannot bear it")

    monkeypatch.setattr(shop.orderwright.fulfilments, "handle", fails)
    let_it_be_heard(shop)

    examined = examiner.examine(order)
    assert (examined.breaches, examined.standing) == ([], Standing.WAITING)


@pytest.mark.parametrize(
    ("name", "stream_id_of", "topic"),
    [
        ("OrderFulfilment", fulfilment_id, "Fulfilment.PaymentRequested"),
        ("Payments", payment_id, "Payment.Completed"),
        ("Inventory", reservation_id, "Reservation.Released"),
    ],
)
def test_an_order_waits_while_an_event_of_any_of_its_streams_is_parked(
    shop: Shop, order: UUID, name: str, stream_id_of: Callable[[UUID], UUID], topic: str
) -> None:
    let_it_be_heard(shop)
    application, stream_id = shop.orderwright.applications[name], stream_id_of(order)
    version = len(application.recorder.select_events(stream_id)) + 1
    assert not Examiner(shop.orderwright).is_parked(order)

    plant_stored(application, stream_id, version, topic, b"{")
    let_it_be_heard(shop)

    assert Examiner(shop.orderwright).is_parked(order)
    assert not Examiner(shop.orderwright).is_parked(NOBODY)
