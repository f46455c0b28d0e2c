"""A reference has one order, whatever way the order comes: under a key, without one, or in bulk."""

from uuid import UUID

import pytest

from application.orders import IdempotencyKeyReused, OrderNotFound, OrderRefTaken, Orders, PlaceOrder
from application.views import OrderView
from domain.shared.ids import order_id_from_key, order_id_from_ref
from tests.support.commands import TEAPOT, an_order, asked, minutes_later

WAYS = {"a key": "checkout-1", "another key": "checkout-2", "no key": None}


@pytest.fixture
def orders() -> Orders:
    return Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})


def placed(orders: Orders) -> int:
    """How many orders there are."""
    return len(orders.recorder.select_notifications(1, 100, topics=["Order.Created"]))


@pytest.mark.parametrize("then", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("first", ["checkout-1", None], ids=["under a key", "without a key"])
def test_the_same_order_under_the_same_reference_is_the_first_one(
    orders: Orders, first: str | None, then: str | None
) -> None:
    order = orders.place_order(an_order(ref="web-1", key=first), asked("a")).view

    again = orders.place_order(an_order(ref="web-1", key=then), asked("b"))

    assert again.replayed
    assert again.view == order
    assert placed(orders) == 1


@pytest.mark.parametrize("then", ["checkout-2", None], ids=["another key", "no key"])
@pytest.mark.parametrize("first", ["checkout-1", None], ids=["under a key", "without a key"])
def test_another_order_under_the_same_reference_is_refused_at_that_field(
    orders: Orders, first: str | None, then: str | None
) -> None:
    order = orders.place_order(an_order(ref="web-1", key=first), asked("a")).view

    with pytest.raises(OrderRefTaken, match=order.order_id) as refused:
        orders.place_order(an_order(TEAPOT, ref="web-1", key=then), asked("b"))

    assert refused.value.field == "/order_ref"
    assert placed(orders) == 1


def test_a_key_that_placed_an_order_is_not_free_for_another_reference(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1", key="checkout-1"), asked("a"))

    with pytest.raises(IdempotencyKeyReused):
        orders.place_order(an_order(ref="web-2", key="checkout-1"), asked("b"))

    again = orders.place_order(an_order(ref="web-2", key="checkout-2"), asked("c"))
    assert not again.replayed, "the refused order took the reference"


def test_a_key_and_a_reference_that_belong_to_two_orders_are_refused_for_the_key(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1", key="checkout-1"), asked("a"))
    orders.place_order(an_order(ref="web-2"), asked("b"))

    with pytest.raises(IdempotencyKeyReused):
        orders.place_order(an_order(ref="web-2", key="checkout-1"), asked("c"))


def answers(orders: Orders, *commands: PlaceOrder) -> list[str]:
    """What a batch was answered, in a word each."""
    return [
        "known" if answer is None else "placed" if isinstance(answer, OrderView) else answer.code
        for answer in orders.place_orders(commands, asked("load-1"))
    ]


def test_a_batch_finds_orders_that_came_under_a_key(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1", key="checkout-1"), asked("a"))
    orders.place_order(an_order(TEAPOT, ref="web-2", key="checkout-2"), asked("b"))

    batch = [an_order(ref=f"web-{number}") for number in range(4)]

    assert answers(orders, *batch) == ["placed", "known", "order_ref_taken", "placed"]
    assert answers(orders, *batch) == ["known", "known", "order_ref_taken", "known"]
    assert placed(orders) == 4


def test_a_batch_may_hold_a_reference_once_whatever_the_keys(orders: Orders) -> None:
    batch = [
        an_order(ref="web-1", key="a"),
        an_order(ref="web-1", key="b"),
        an_order(ref="web-1"),
        an_order(TEAPOT, ref="web-1", key="c"),
    ]

    assert answers(orders, *batch) == ["placed", "known", "known", "order_ref_taken"]
    assert placed(orders) == 1


def test_an_order_is_found_by_its_reference_whatever_way_it_came(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1", key="checkout-1"), asked("a"))
    orders.place_order(an_order(ref="web-2"), asked("b"))

    assert orders.order_id_of("web-1") == order_id_from_key("checkout-1")
    assert orders.order_id_of("web-2") == order_id_from_ref("web-2")
    with pytest.raises(OrderNotFound):
        orders.order(orders.order_id_of("web-3"))


def test_a_claim_is_no_order(orders: Orders) -> None:
    order = orders.place_order(an_order(ref="web-1", key="checkout-1"), asked("a")).view
    claim = order_id_from_ref("web-1")

    for look in (
        lambda: orders.order(claim),
        lambda: orders.order_at_version(claim, 1),
        lambda: orders.order_as_of(claim, minutes_later(5)),
        lambda: orders.cancel_order(claim, "too dear", asked("b")),
    ):
        with pytest.raises(OrderNotFound):
            look()
    assert orders.order(UUID(order.order_id)).status == "CREATED"


def test_an_order_without_a_key_or_without_a_reference_is_one_event(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1"), asked("a"))
    orders.place_order(an_order(key="checkout-1"), asked("b"))

    assert orders.recorder.max_notification_id() == 2
