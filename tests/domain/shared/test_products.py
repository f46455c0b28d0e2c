"""Products are named and counted the same way in every context."""

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.shared.products import (
    MAX_QUANTITY,
    InvalidQuantity,
    InvalidSku,
    ProductQuantity,
    check_new_sku,
    check_quantity,
    check_sku,
    per_product,
)


@pytest.mark.parametrize("sku", ["A", "TEAPOT", "cup/blue", "a.b_c:d-e", "0815", "x" * 64])
def test_a_sku_is_letters_digits_and_a_few_signs(sku: str) -> None:
    assert check_sku(sku) == sku


@pytest.mark.parametrize("sku", ["", " ", "-A", "/etc", "A B", "A\n", "Ä", "A\x00", "x" * 65, "A'--"])
def test_anything_else_is_no_sku(sku: str) -> None:
    with pytest.raises(InvalidSku) as refused:
        check_sku(sku)

    assert refused.value.field == "/sku"


@pytest.mark.parametrize("sku", ["A/../B", "A/..", "A/.", "A/./B", "A/B/../C"])
def test_what_an_address_would_take_for_another_product_is_nothing_new(sku: str) -> None:
    with pytest.raises(InvalidSku, match="taken for another one") as refused:
        check_new_sku(sku)
    assert refused.value.field == "/sku"
    assert check_sku(sku) == sku, "what was taken before stays readable"


@pytest.mark.parametrize("sku", ["A", "A..B", "A/..B", "A/B.", "a/...", "1.2/3"])
def test_dots_that_stand_for_themselves_are_fine(sku: str) -> None:
    assert check_new_sku(sku) == sku


@pytest.mark.parametrize("quantity", [0, -1, MAX_QUANTITY + 1])
def test_a_quantity_is_at_least_one_and_at_most_a_million(quantity: int) -> None:
    with pytest.raises(InvalidQuantity) as refused:
        check_quantity(quantity)

    assert refused.value.field == "/quantity"


@pytest.mark.parametrize("quantity", [0, -6])
def test_so_many_of_a_product_is_at_least_one(quantity: int) -> None:
    with pytest.raises(InvalidQuantity):
        ProductQuantity("TEAPOT", quantity)


def test_quantities_of_a_product_on_several_lines_add_up_in_the_order_of_first_mention() -> None:
    assert per_product([("CUP", 2), ("TEAPOT", 1), ("CUP", 4)]) == (
        ProductQuantity("CUP", 6),
        ProductQuantity("TEAPOT", 1),
    )


@settings(max_examples=50, deadline=None)
@forall(lines=st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, MAX_QUANTITY)), max_size=20))
def test_nothing_is_lost_or_counted_twice(lines: list[tuple[str, int]]) -> None:
    summed = per_product(lines)

    assert sum(line.quantity for line in summed) == sum(quantity for _, quantity in lines)
    assert [line.sku for line in summed] == list(dict.fromkeys(sku for sku, _ in lines))
