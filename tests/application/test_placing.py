"""Orders are placed once, however often they are sent, alone or in bulk."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from application.orders import IdempotencyKeyReused, Item, OrderRefTaken, Orders
from application.views import OrderView
from domain.shared.errors import DomainError
from domain.shared.ids import order_id_from_key, order_id_from_ref
from tests.support.commands import CUPS, TEAPOT, an_order, asked
from tests.support.stories import FRIDAY_NOON


@pytest.fixture
def orders() -> Orders:
    return Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})


def stored(orders: Orders) -> int:
    return orders.recorder.max_notification_id() or 0


def test_a_placed_order_is_there_at_once(orders: Orders) -> None:
    written = orders.place_order(an_order(key="checkout-1"), asked("checkout-1"))

    assert not written.replayed
    assert (written.application, written.position) == ("Orders", 1)
    view = written.view
    assert view == orders.order(UUID(view.order_id))
    assert (view.status, view.total, view.currency, view.version) == ("CREATED", "66.90", "USD", 1)
    assert [(line.sku, line.quantity, line.unit_price) for line in view.items] == [
        ("TEAPOT", 1, "39.90"),
        ("CUP", 6, "4.50"),
    ]
    assert view.created_at == FRIDAY_NOON


def test_the_same_key_again_gives_the_same_order_and_stores_nothing(orders: Orders) -> None:
    first = orders.place_order(an_order(key="checkout-1"), asked("checkout-1"))

    again = orders.place_order(an_order(key="checkout-1"), asked("checkout-1", minutes=5))

    assert again.replayed
    assert again.view == first.view
    assert again.position >= first.position
    assert stored(orders) == 1


def test_the_same_key_after_the_order_was_cancelled_shows_it_as_it_is_now(orders: Orders) -> None:
    first = orders.place_order(an_order(key="checkout-1"), asked("checkout-1")).view
    orders.cancel_order(UUID(first.order_id), "too dear", asked("cancel-1"))

    again = orders.place_order(an_order(key="checkout-1"), asked("checkout-1"))

    assert again.replayed
    assert again.view.status == "CANCELLED"


def test_a_price_written_otherwise_is_still_the_same_content(orders: Orders) -> None:
    orders.place_order(an_order(Item("TEAPOT", 1, Decimal("5")), key="k"), asked("k"))

    assert orders.place_order(an_order(Item("TEAPOT", 1, Decimal("5.00")), key="k"), asked("k")).replayed


@pytest.mark.parametrize(
    "other",
    [
        an_order(TEAPOT, key="checkout-1"),
        an_order(CUPS, TEAPOT, key="checkout-1"),
        an_order(customer="bob", key="checkout-1"),
        an_order(currency="EUR", key="checkout-1"),
        an_order(ref="web-1", key="checkout-1"),
        replace(an_order(key="checkout-1"), payment_method="pm_other"),
    ],
    ids=["fewer items", "items swapped", "customer", "currency", "reference", "payment method"],
)
def test_the_same_key_with_other_content_is_a_contradiction(orders: Orders, other: object) -> None:
    first = orders.place_order(an_order(key="checkout-1"), asked("checkout-1")).view

    with pytest.raises(IdempotencyKeyReused, match=first.order_id):
        orders.place_order(other, asked("checkout-1"))  # type: ignore[arg-type]  # parametrised

    assert stored(orders) == 1


def test_without_key_or_reference_every_order_is_a_new_one(orders: Orders) -> None:
    one = orders.place_order(an_order(), asked("a")).view
    other = orders.place_order(an_order(), asked("b")).view

    assert one.order_id != other.order_id


def test_a_reference_alone_makes_an_order_safe_to_send_again(orders: Orders) -> None:
    first = orders.place_order(an_order(ref="web-1"), asked("a")).view

    again = orders.place_order(an_order(ref="web-1"), asked("b"))

    assert first.order_id == str(order_id_from_ref("web-1"))
    assert (again.replayed, again.view.order_id) == (True, first.order_id)


def test_a_reference_that_is_taken_by_another_order_is_refused_at_that_field(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1"), asked("a"))

    with pytest.raises(OrderRefTaken) as refused:
        orders.place_order(an_order(TEAPOT, ref="web-1"), asked("b"))

    assert refused.value.field == "/order_ref"
    assert stored(orders) == 1


def test_with_a_key_the_key_decides_which_order_it_is(orders: Orders) -> None:
    written = orders.place_order(an_order(ref="web-1", key="checkout-1"), asked("checkout-1"))

    assert written.view.order_id == str(order_id_from_key("checkout-1"))
    assert written.view.order_ref == "web-1"


@pytest.mark.parametrize(
    ("items", "currency", "code", "field"),
    [
        ((TEAPOT, Item("no sku", 1, Decimal(1))), "USD", "invalid_sku", "/items/1/sku"),
        ((TEAPOT, Item("CUP", 0, Decimal(1))), "USD", "invalid_quantity", "/items/1/quantity"),
        ((TEAPOT, Item("CUP", 10**7, Decimal(1))), "USD", "invalid_quantity", "/items/1/quantity"),
        ((TEAPOT, Item("CUP", 1, Decimal("0.001"))), "USD", "invalid_amount", "/items/1/unit_price"),
        ((Item("GIFT", 1, Decimal(0)),), "USD", "order_total_not_positive", "/items"),
        ((CUPS,) * 501, "USD", "too_many_items", "/items"),
        ((TEAPOT,), "ABC", "unknown_currency", "/currency"),
    ],
)
def test_a_refusal_points_at_the_part_that_broke_a_rule_and_stores_nothing(
    orders: Orders, items: tuple[Item, ...], currency: str, code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        orders.place_order(an_order(*items, currency=currency), asked("a"))

    assert (refused.value.code, refused.value.field) == (code, field)
    assert stored(orders) == 0
    with pytest.raises(type(refused.value)) as checked:
        orders.check(an_order(*items, currency=currency))
    assert (checked.value.code, checked.value.field) == (code, field)


def answers(orders: Orders, *commands: object) -> list[str]:
    """What a batch was answered, in a word each."""
    answered = orders.place_orders(commands, asked("load-1"))  # type: ignore[arg-type]
    return [
        "known" if answer is None else "placed" if isinstance(answer, OrderView) else answer.code
        for answer in answered
    ]


def test_a_batch_places_what_is_good_and_says_why_not_the_rest(orders: Orders) -> None:
    assert answers(
        orders,
        an_order(ref="web-1"),
        an_order(Item("GIFT", 1, Decimal(0)), ref="web-2"),
        an_order(Item("no sku", 1, Decimal(1)), ref="web-3"),
        an_order(ref="web-4"),
    ) == ["placed", "order_total_not_positive", "invalid_sku", "placed"]

    assert stored(orders) == 2


def test_a_batch_sent_again_stores_nothing(orders: Orders) -> None:
    batch = [an_order(ref="web-1"), an_order(ref="web-2")]
    answers(orders, *batch)

    assert answers(orders, *batch) == ["known", "known"]
    assert stored(orders) == 2


def test_a_batch_that_is_partly_known_places_the_rest(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1"), asked("a"))

    assert answers(orders, an_order(ref="web-0"), an_order(ref="web-1"), an_order(ref="web-2")) == [
        "placed",
        "known",
        "placed",
    ]
    assert stored(orders) == 3


def test_a_batch_may_hold_the_same_order_twice_but_not_two_orders_under_one_reference(orders: Orders) -> None:
    assert answers(orders, an_order(ref="web-1"), an_order(ref="web-1"), an_order(TEAPOT, ref="web-1")) == [
        "placed",
        "known",
        "order_ref_taken",
    ]

    assert stored(orders) == 1


def test_a_known_order_with_other_content_is_refused_in_a_batch_too(orders: Orders) -> None:
    orders.place_order(an_order(ref="web-1"), asked("a"))

    assert answers(
        orders,
        an_order(TEAPOT, ref="web-1"),
        replace(an_order(ref="web-1"), payment_method="pm_other"),
        an_order(ref="web-2"),
    ) == ["order_ref_taken", "order_ref_taken", "placed"]


def test_an_empty_batch_is_answered_with_nothing(orders: Orders) -> None:
    assert answers(orders) == []
