"""An order is placed, perhaps confirmed, perhaps cancelled once."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.orders import Order, OrderLine, OrderStatus
from domain.orders.lines import MAX_LINES, OrderTotalNotPositive, OrderWithoutItems, TooManyItems
from domain.orders.order import OrderAlreadyCancelled, OrderCancelled
from domain.shared.causes import Cause, because_of
from domain.shared.errors import DomainError
from domain.shared.money import InvalidAmount, Money, UnknownCurrency
from tests.support.stories import FRIDAY_NOON, ORDER_ID, facts, given, new_events, replayed, state

TEAPOT = OrderLine("TEAPOT", 1, Decimal("39.90"))
CUPS = OrderLine("CUP/blue", 6, Decimal("4.5"))


def placed(*items: OrderLine, currency: str = "USD") -> Order:
    return Order.place(
        ORDER_ID, customer_id="ada", currency=currency, payment_method="pm_ok", items=items or (TEAPOT, CUPS)
    )


def test_a_placed_order_says_what_was_ordered_at_which_price() -> None:
    order = placed()

    (created,) = new_events(order)
    assert created.TOPIC == "Order.Created"
    assert created.customer_id == "ada"
    assert str(created.total) == "66.90"
    assert [(line.sku, line.quantity, str(line.unit_price)) for line in created.items] == [
        ("TEAPOT", 1, "39.90"),
        ("CUP/blue", 6, "4.50"),
    ]
    assert order.status is OrderStatus.CREATED


def test_an_order_from_another_shop_keeps_its_reference_and_date() -> None:
    order = Order.place(
        ORDER_ID,
        customer_id="ada",
        currency="USD",
        payment_method="pm_ok",
        items=(TEAPOT,),
        order_ref="cdnow-17",
        placed_on=date(1997, 1, 12),
    )

    assert (order.order_ref, order.placed_on) == ("cdnow-17", date(1997, 1, 12))


def test_a_line_may_be_free_and_a_product_may_stand_on_several_lines() -> None:
    order = placed(TEAPOT, OrderLine("TEAPOT", 2, Decimal("0")))

    assert str(order.total) == "39.90 USD"
    assert len(order.items) == 2


def test_an_order_has_up_to_500_lines() -> None:
    assert placed(*[CUPS] * MAX_LINES).total == Money(Decimal(13500), "USD")


@pytest.mark.parametrize(
    ("items", "currency", "refusal", "field"),
    [
        ((OrderLine("GIFT", 3, Decimal(0)),), "USD", OrderTotalNotPositive, "/items"),
        ((CUPS,) * (MAX_LINES + 1), "USD", TooManyItems, "/items"),
        ((TEAPOT,), "USX", UnknownCurrency, "/currency"),
        ((TEAPOT,), "JPY", InvalidAmount, "/items/0/unit_price"),
        ((TEAPOT, OrderLine("DEBT", 1, Decimal(-1))), "USD", InvalidAmount, "/items/1/unit_price"),
        ((TEAPOT, OrderLine("NAN", 1, Decimal("NaN"))), "USD", InvalidAmount, "/items/1/unit_price"),
        (
            (TEAPOT, OrderLine("GOLD", 1_000_000, Decimal(10) ** 11)),
            "USD",
            InvalidAmount,
            "/items/1/unit_price",
        ),
    ],
    ids=["nothing to pay", "501 lines", "no such currency", "cents of a yen", "negative", "NaN", "too much"],
)
def test_an_order_that_breaks_a_rule_is_refused_and_told_where(
    items: tuple[OrderLine, ...], currency: str, refusal: type[DomainError], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        placed(*items, currency=currency)

    assert refused.value.field == field


def test_an_order_without_items_is_refused() -> None:
    with pytest.raises(OrderWithoutItems) as refused:
        Order.place(ORDER_ID, customer_id="ada", currency="USD", payment_method="pm_ok", items=())

    assert refused.value.field == "/items"


def test_a_created_order_is_confirmed_once() -> None:
    order = given(placed())

    order.confirm()
    order.confirm()

    assert facts(order) == ["Confirmed"]
    assert order.status is OrderStatus.CONFIRMED
    assert order.confirmed_at == FRIDAY_NOON


@pytest.mark.parametrize("confirmed_before", [False, True])
def test_an_order_that_stands_is_cancelled_with_a_reason(confirmed_before: bool) -> None:
    order = placed()
    if confirmed_before:
        order.confirm()
    given(order)

    order.cancel("the teapot is for somebody else")

    (cancelled,) = new_events(order)
    assert cancelled.reason == "the teapot is for somebody else"
    assert order.status is OrderStatus.CANCELLED
    assert order.cancel_reason == "the teapot is for somebody else"
    assert order.cancelled_at == FRIDAY_NOON
    assert order.cancelled_by_command == "ada-1"


def test_a_cancelled_order_is_neither_cancelled_nor_confirmed_any_more() -> None:
    order = placed()
    order.cancel("too dear")
    given(order)

    with pytest.raises(OrderAlreadyCancelled, match="too dear"):
        order.cancel("really too dear")
    with pytest.raises(OrderCancelled, match="too dear"):
        order.confirm()

    assert facts(order) == []
    assert order.cancel_reason == "too dear"


def test_the_times_of_an_order_are_those_of_its_causes() -> None:
    order = given(placed())

    with because_of(Cause(FRIDAY_NOON + timedelta(hours=2), str(ORDER_ID), "paid")):
        order.confirm()
    with because_of(Cause(FRIDAY_NOON + timedelta(days=1), str(ORDER_ID), "ada-2", "ada-2", "ada")):
        order.cancel("late regret")

    assert order.created_on == FRIDAY_NOON
    assert order.confirmed_at == FRIDAY_NOON + timedelta(hours=2)
    assert order.cancelled_at == FRIDAY_NOON + timedelta(days=1)
    assert order.cancelled_by_command == "ada-2"


prices = st.integers(0, 10_000).map(lambda cents: Decimal(cents).scaleb(-2))
lines = st.builds(OrderLine, st.sampled_from(["TEAPOT", "CUP/blue", "TRAY"]), st.integers(1, 50), prices)


@settings(max_examples=60, deadline=None)
@forall(items=st.lists(lines, min_size=1, max_size=8).map(tuple))
def test_the_total_is_above_zero_and_equals_the_sum_of_the_lines(items: tuple[OrderLine, ...]) -> None:
    expected = list(accumulate(line.unit_price * line.quantity for line in items))[-1]
    if expected:
        assert placed(*items).total == Money(expected, "USD")
    else:
        with pytest.raises(OrderTotalNotPositive):
            placed(*items)


@settings(max_examples=60, deadline=None)
@forall(acts=st.lists(st.sampled_from(["confirm", "cancel"]), max_size=6))
def test_an_order_goes_from_created_to_confirmed_to_cancelled_and_never_back(acts: list[str]) -> None:
    order = placed()
    seen = [order.status]
    for act in acts:
        try:
            order.confirm() if act == "confirm" else order.cancel("changed my mind")
        except DomainError:
            assert order.status is OrderStatus.CANCELLED
        seen.append(order.status)

    events = new_events(order)
    ranks = [list(OrderStatus).index(status) for status in seen]
    assert ranks == sorted(ranks)
    assert len([event for event in events if isinstance(event, Order.Cancelled)]) <= 1
    assert state(replayed(events)) == state(order)
