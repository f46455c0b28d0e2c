"""Past states, differences and the tree of causes, from the command line."""

import pytest

import web.cli.history as history

from .console import Console
from .files import SMALL, write_orders


@pytest.fixture
def shop(console: Console) -> Console:
    """A store with a confirmed order of ada's (r-1) and one of eve's (r-2), imported by ada."""
    console("import", write_orders(console.folder / "orders.csv", *SMALL[:3]), "--receive-stock")
    return console


def test_a_past_state_is_shown_in_words(shop: Console) -> None:
    lines = [
        " ".join(line.split()) for line in shop("history", "show", "r-1", "--version", 1).stdout.splitlines()
    ]

    assert {"aggregate Order", "version 1 of 2", "made so by Order.Created", "user ada"} <= set(lines)
    assert {"status CREATED", "confirmed at -", "total.currency USD", "items[0].sku CD-X1"} <= set(lines)
    assert "version 2, the latest" in " ".join(shop("history", "show", "order:r-1").stdout.split())


def test_the_same_state_is_found_by_the_time_that_is_shown(shop: Console) -> None:
    made = shop.json("history", "show", "payment:r-1", "--version", 2)

    again = shop.json("history", "show", "payment:r-1", "--as-of", made["event"]["recorded_at"])

    assert (again["version"], again["state"]) == (2, made["state"])
    assert again["state"]["amount"] == shop.json("history", "show", "order:r-1")["state"]["total"]


def test_a_difference_is_shown_with_the_events_between(shop: Console) -> None:
    text = shop("history", "diff", "order:r-1", 1, 2).stdout

    assert [line.split() for line in text.splitlines()][5:7] == [
        ["field", "before", "after"],
        ["status", "CREATED", "CONFIRMED"],
    ]
    assert "Order.Confirmed" in text
    assert "That is one and the same version." in shop("history", "diff", "order:r-1", 2, 2).stdout
    assert shop.json("history", "diff", "stock:CD-X1", 1, "2999-01-01")["from_version"] == 1


def test_what_is_not_there_is_told(shop: Console) -> None:
    assert shop.error("history", "show", "r-1", "--version", 9, code=1)["code"] == "not_in_history"
    assert shop.error("history", "show", "r-1", "--as-of", "1999-01-01", code=1)["code"] == "not_in_history"
    assert shop.error("history", "show", "r-9", code=1)["code"] == "stream_not_found"
    assert shop.error("history", "diff", "r-1", 2, 1, code=2)["code"] == "invalid_query"
    assert (
        "not both"
        in shop.error("history", "show", "r-1", "--version", 1, "--as-of", "2999-01-01", code=2)["detail"]
    )
    assert "is not a time like" in shop.error("history", "diff", "r-1", "soon", 1, code=2)["detail"]


def test_a_product_with_very_many_fields_is_cut_for_people_and_whole_in_json(shop: Console) -> None:
    for _ in range(3):
        shop("stock", "receive", "CD-X1", 1)
    whole = shop.json("history", "show", "CD-X1")["state"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "SHOWN_FIELDS", 4)
        assert "more fields: --json has all." in shop("history", "show", "CD-X1").stdout
    assert len(whole["receipts"]) == 4


def test_a_tree_fits_a_terminal_of_80_columns(shop: Console) -> None:
    order = shop.json("orders", "show", "--ref", "r-1")["order_id"]
    text = shop("orders", "tree", order).stdout

    assert text == shop("orders", "tree", "--ref", "r-1").stdout
    lines = text.splitlines()
    assert lines[0].startswith("command ")
    assert "└── Order.Created" in text
    assert sum("Payments" in line for line in lines) == 2
    assert max(map(len, lines[1:])) <= 80
