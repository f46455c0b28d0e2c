"""A reference stands in one place of a file; where it comes again, nothing of it is imported."""

import json
from pathlib import Path

import pytest

from system.imports.importing import Placed, Received
from system.imports.order_files import OrderFile, UnreadableFile
from tests.support.running_shop import Shop
from tests.system.imports.test_importing import WriteFile, importing_of, place
from tests.system.imports.test_order_files import lines

__all__ = ["importing_of"]

A, B = "r-a,ada,,CD-X1,2,11.77,USD", "r-b,bob,,CD-X1,1,5.00,USD"
MORE_OF_A = "r-a,ada,,CD-X2,1,3.00,USD"


def whole(ref: str, quantity: int = 2, customer: str = "ada") -> str:
    """A whole order in a line."""
    items = [{"sku": "CD-X1", "quantity": quantity, "unit_price": "11.77"}]
    order = {"order_ref": ref, "customer_id": customer, "currency": "USD", "items": items}
    return json.dumps(order)


def line(ref: str) -> str:
    """A line of an order as JSON."""
    fields = {"order_ref": ref, "customer_id": "ada", "currency": "USD"}
    return json.dumps({**fields, "sku": "CD-X1", "quantity": 1, "unit_price": "1"})


FILES = {
    "further lines": (lines(A, B, MORE_OF_A), [2, 4]),
    "the same line": (lines(A, B, A), [2, 4]),
    "the same line, far away": (lines(A, *(B.replace("r-b", f"r-{n}") for n in range(450)), A), [2, 453]),
    "three times": (lines(A, B, A, B.replace("r-b", "r-c"), MORE_OF_A, MORE_OF_A), [2, 4, 6, 7]),
    "a line that is malformed": (lines(A, B, "r-a,ada,,CD-X1,x,1.00,USD"), [2, 4]),
    "an order that is refused": (lines(A, B, "r-a,ada,,CD-X1,1,0.001,USD"), [2, 4]),
    "a whole order": ("\n".join((whole("r-a"), whole("r-b"), whole("r-a"))), [1, 3]),
    "a whole order at once": ("\n".join((whole("r-a"), whole("r-a"), whole("r-b"))), [1, 2]),
    "a whole order and a line": ("\n".join((whole("r-a"), line("r-a"), whole("r-b"))), [1, 2]),
    "lines as JSON": ("\n".join((line("r-a"), line("r-b"), line("r-a"))), [1, 3]),
}


@pytest.mark.parametrize("name", FILES)
def test_an_order_whose_reference_comes_again_is_refused_whole_with_all_its_lines(
    shop: Shop, importing_of: WriteFile, name: str
) -> None:
    content, expected = FILES[name]
    job = importing_of(content, name="orders" if content.startswith("{") else "orders.csv")
    others = content.count("r-") - len(expected)

    received = job.receive_stock()
    placed, refusals = place(job)
    shop.settle()

    assert [refusal.line for refusal in refusals] == expected
    codes = {refusal.code for refusal in refusals}
    assert codes - {"invalid_quantity"} == {"order_ref_repeated"}
    assert {refusal.order_ref for refusal in refusals} == {"r-a"}
    assert (placed.placed, placed.refused, placed.refused_lines) == (others, 1, len(expected))
    assert received == Received(received.receipts, received.quantity)
    assert "r-a" not in {order.order_ref for order in shop.dashboard().values()}
    assert shop.stock("CD-X1").available == 0, "stock was received for what is not placed"


def test_the_reason_names_the_places_and_says_what_to_do(importing_of: WriteFile) -> None:
    content = lines(A, MORE_OF_A, B, A)

    _, refusals = place(importing_of(content))

    (reason,) = {refusal.reason for refusal in refusals}
    assert reason == (
        "its order stands in several places of the file, at lines 2-3, 5: put its lines below each other, "
        "or give what is another order a reference of its own"
    )


def test_of_very_many_places_some_are_told_and_each_line_is_refused(importing_of: WriteFile) -> None:
    rows = [row for number in range(300) for row in (A, B.replace("r-b", f"r-{number}"))]

    placed, refusals = place(importing_of(lines(*rows)))

    assert placed == Placed(placed=300, refused=1, refused_lines=300)
    assert len(refusals) == 300
    assert all("more places" in refusal.reason and len(refusal.reason) <= 500 for refusal in refusals)


def test_an_order_that_is_too_long_is_not_taken_for_one_that_comes_again(importing_of: WriteFile) -> None:
    _, refusals = place(importing_of(lines(*[A] * 1200)))

    assert {refusal.code for refusal in refusals} == {"too_many_items"}
    assert len(refusals) == 1200


def test_a_second_run_refuses_the_same(importing_of: WriteFile) -> None:
    content = FILES["three times"][0]

    first, again = place(importing_of(content)), place(importing_of(content))

    assert first[1] == again[1]
    assert again[0] == Placed(0, 2, 1, 4)


def test_progress_of_the_first_pass_ends_at_the_end_of_the_file(importing_of: WriteFile) -> None:
    content = lines(A, B)
    told: list[tuple[int, int]] = []

    importing_of(content).look_through(lambda size, orders: told.append((size, orders)))

    assert told[-1] == (len(content), 2)


def test_a_folder_or_a_pipe_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="read several times"):
        OrderFile(tmp_path, "pm_ok")
