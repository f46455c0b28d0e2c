"""Which orders hold the stock of a product."""

from collections.abc import Callable

import pytest

from application.inventory import ProductNotFound
from application.queries import InvalidQuery, PageRequest
from system.queries import holders as module
from system.queries.holders import holders
from tests.support.fixtures import Environment
from tests.support.planting import NOBODY, plant_reservation
from tests.support.running_shop import Shop, stocked
from tests.support.ways import ByHand, Way


@pytest.fixture
def shop(persistence: Environment, open_way: Callable[..., Way]) -> Shop:
    """A shop with ten records that is advanced by hand."""
    return stocked(open_way(ByHand, persistence), 10)


def test_those_who_hold_it_are_named_the_latest_first_page_by_page(shop: Shop) -> None:
    first = shop.order("CD-X1")
    shop.settle()
    gone = shop.order("CD-X1")
    shop.settle()
    last = shop.order(("CD-X1", 2))
    shop.settle()
    shop.cancel(gone)
    shop.settle()
    plant_reservation(shop.orderwright, NOBODY, "CD-X1", 3)

    seen, cursor = [], None
    while True:
        page = holders(shop.orderwright, "CD-X1", PageRequest(2, cursor))
        seen.append([(one.order_id, one.quantity, one.order_status) for one in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [
        [(str(NOBODY), 3, None), (str(last), 2, "CONFIRMED")],
        [(str(first), 1, "CONFIRMED")],
    ]


def test_a_page_does_not_look_through_a_whole_long_history(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    monkeypatch.setattr(module, "MOST_EVENTS", 4)
    kept = shop.order("CD-X1")
    shop.settle()
    for _ in range(3):
        gone = shop.order("CD-X1")
        shop.settle()
        shop.cancel(gone)
        shop.settle()

    first = holders(shop.orderwright, "CD-X1", PageRequest(5))
    assert (first.items, first.next_cursor is None) == ((), False)
    second = holders(shop.orderwright, "CD-X1", PageRequest(5, first.next_cursor))
    assert [one.order_id for one in second.items] == [str(kept)]


def test_nobody_holds_it(shop: Shop) -> None:
    assert holders(shop.orderwright, "CD-X1", PageRequest()).items == ()
    with pytest.raises(ProductNotFound):
        holders(shop.orderwright, "COFFEE", PageRequest())
    with pytest.raises(InvalidQuery):
        holders(shop.orderwright, "CD-X1", PageRequest(cursor="of another list"))
