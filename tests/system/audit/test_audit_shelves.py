"""The audit sums up the events of each product, and what reservations hold of it."""

from typing import Any
from uuid import UUID

import pytest

from domain.inventory import ReservedLine, StockItem
from domain.shared.causes import because_of
from system.audit.report import Rule
from system.audit.shelves import Shelf, Shelves
from tests.support.stories import ADA_ASKS, new_events

ORDER, OTHER_ORDER = UUID(int=1), UUID(int=2)


def story() -> list[StockItem.Event]:
    """Teapots come in, are corrected, promised, and given back."""
    with because_of(ADA_ASKS):
        item = StockItem.introduce("TEAPOT")
        receipt = item.receive(10, "delivery-1")
        item.correct(receipt, 8, "two broken", "correction-1")
        item.reserve(ORDER, 5)
        item.reserve(OTHER_ORDER, 3)
        item.release(ORDER, 5)
        item.correct(receipt, 9, "one mended", "correction-2")
    return new_events(item)


def test_a_story_that_adds_up_breaks_nothing() -> None:
    shelf = Shelf()
    for event in story():
        shelf.fold(event)

    assert shelf.broken == {}
    assert (shelf.sku, shelf.on_hand, shelf.received, shelf.reserved) == ("TEAPOT", 9, 9, 3)


@pytest.mark.parametrize("lost", range(2, 6))
def test_whichever_change_is_lost_the_next_one_gives_it_away(lost: int) -> None:
    shelf = Shelf()
    events = story()
    for event in (*events[:lost], *events[lost + 1 :]):
        shelf.fold(event)

    follower: Any = events[lost + 1]
    breach = shelf.broken[Rule.STOCK_ADDS_UP]
    assert breach.expected.endswith(f"at version {follower.originator_version}")
    assert breach.found == f"{follower.on_hand} on hand and {follower.reserved} reserved"


def test_of_several_breaks_of_a_rule_the_first_is_told() -> None:
    shelf = Shelf()
    events = story()
    for event in (*events[:2], *events[3:]):
        shelf.fold(event)

    assert shelf.broken[Rule.STOCK_ADDS_UP].expected == "10 on hand and 5 reserved at version 4"


def test_what_is_held_is_the_sum_of_reservations_less_what_was_let_go() -> None:
    shelves = Shelves()
    shelves.hold([ReservedLine("TEAPOT", 5, 3), ReservedLine("CUP", 2, 3)])
    shelves.hold([ReservedLine("TEAPOT", 3, 4)])
    shelves.let_go([ReservedLine("TEAPOT", 5, 5)])

    assert shelves.totals().held == 5
    assert len(shelves) == 0
    told = [(one.rule, one.sku, one.expected, one.found) for one in shelves.offenders()]
    assert told == [
        (Rule.RESERVED_IS_HELD, "CUP", "2 reserved", "no such product"),
        (Rule.RESERVED_IS_HELD, "TEAPOT", "3 reserved", "no such product"),
    ]


def test_what_was_held_and_let_go_of_a_product_that_there_is_not_is_nothing() -> None:
    shelves = Shelves()
    shelves.hold([ReservedLine("TEAPOT", 5, 3)])
    shelves.let_go([ReservedLine("TEAPOT", 5, 5)])

    assert list(shelves.offenders()) == []
