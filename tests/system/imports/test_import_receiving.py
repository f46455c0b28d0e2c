"""An import receives what each order needs once, whatever happens to the file and to the process."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.shared.ids import stock_item_id
from domain.shared.products import MAX_QUANTITY
from system.imports import importing
from system.imports.importing import Import, Received
from tests.support.agreement import events_of
from tests.support.invariants import assert_at_rest, assert_stock_balances
from tests.support.running_shop import Shop
from tests.system.imports.test_importing import THREE_ORDERS, WriteFile, importing_of, place
from tests.system.imports.test_order_files import HEADER, lines

__all__ = ["importing_of"]

SKUS = ("CD-X1", "CD-X2", "CD-X3")


def on_hand(shop: Shop) -> dict[str, int]:
    """What there is of each product that was ever received."""
    items = {sku: shop.item(sku) for sku in SKUS}
    return {sku: item.on_hand for sku, item in items.items() if item is not None}


def import_all(shop: Shop, job: Import) -> None:
    """Receive, place, and let everything come to rest."""
    job.receive_stock()
    place(job)
    shop.settle()


def test_exactly_the_stock_is_received_that_acceptable_orders_need(
    shop: Shop, importing_of: WriteFile
) -> None:
    job = importing_of(
        THREE_ORDERS
        + "r-4,bob,,CD-X1,x,1.00,USD\n"  # malformed
        + "r-5,bob,,CD-X1,7,1.005,USD\n"  # too many decimals
        + "r-6,bob,,CD-X1,9,1.00,USD\n"
        + "r-3,bob,1997-02-02,CD-X1,1,1.00,USD\n"  # a reference in two places
    )
    assert job.receive_stock() == Received(receipts=2, quantity=15)
    assert on_hand(shop) == {"CD-X1": 14, "CD-X2": 1}
    place(job)
    shop.settle()
    assert shop.stock("CD-X1").available == 0
    assert {order.status for order in shop.dashboard().values()} == {"CONFIRMED"}


def test_a_second_run_receives_nothing(shop: Shop, importing_of: WriteFile) -> None:
    importing_of(THREE_ORDERS).receive_stock()

    assert importing_of(THREE_ORDERS).receive_stock() == Received(0, 0, receipts_before=3)
    assert on_hand(shop) == {"CD-X1": 5, "CD-X2": 1}


CHANGES: dict[str, Callable[[str], str]] = {
    "line ends": lambda text: text.replace("\n", "\r\n"),
    "a line before": lambda text: text.replace("\n", "\n\n", 1),
    "an order before": lambda text: text.replace("\n", "\nr-0,zoe,,CD-X1,4,1.00,USD\n", 1),
    "an order behind": lambda text: text + "r-9,zoe,,CD-X1,4,1.00,USD\n",
    "other columns first": lambda text: "\n".join(
        ",".join(reversed(line.split(","))) for line in text.splitlines()
    ),
    "its lines in another order": lambda text: "\n".join(
        [text.splitlines()[0], *(text.splitlines()[number] for number in (3, 2, 1, 4))]
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_was_changed_after_an_interruption_receives_for_what_is_new_alone(
    shop: Shop, importing_of: WriteFile, change: str
) -> None:
    importing_of(THREE_ORDERS).receive_stock()
    place(importing_of("\n".join(THREE_ORDERS.splitlines()[:3]), name="half.csv"))  # r-1 alone

    import_all(shop, importing_of(CHANGES[change](THREE_ORDERS)))

    extra = 4 if "order b" in change else 0
    assert on_hand(shop) == {"CD-X1": 5 + extra, "CD-X2": 1}
    assert shop.stock("CD-X1").available == 0
    assert_stock_balances(shop.orderwright)
    assert_at_rest(shop.orderwright)


@pytest.mark.parametrize(
    ("corrected", "wanted"),
    [
        ("r-2,eve,1997-02-01,CD-X1,5,5.00,USD", {"CD-X1": 7, "CD-X2": 1}),
        ("r-2,eve,1997-02-01,CD-X1,1,5.00,USD", {"CD-X1": 3, "CD-X2": 1}),
        ("r-2,eve,1997-02-01,CD-X3,3,5.00,USD", {"CD-X1": 2, "CD-X2": 1, "CD-X3": 3}),
        ("r-2,eve,1997-02-01,CD-X2,1,5.00,USD", {"CD-X1": 2, "CD-X2": 2}),
    ],
    ids=["more", "less", "another product", "another product that is there"],
)
def test_a_line_that_was_corrected_before_its_order_was_placed_corrects_the_stock(
    shop: Shop, importing_of: WriteFile, corrected: str, wanted: dict[str, int]
) -> None:
    line = "r-2,eve,1997-02-01,CD-X1,3,5.00,USD"
    importing_of(THREE_ORDERS).receive_stock()
    for _ in range(2):  # there, back, and there again
        importing_of(THREE_ORDERS.replace(line, corrected)).receive_stock()
        assert {sku: n for sku, n in on_hand(shop).items() if n} == wanted
        importing_of(THREE_ORDERS).receive_stock()
        assert {sku: n for sku, n in on_hand(shop).items() if n} == {"CD-X1": 5, "CD-X2": 1}

    import_all(shop, importing_of(THREE_ORDERS.replace(line, corrected)))

    assert {sku: n for sku, n in on_hand(shop).items() if n} == wanted
    assert {shop.stock(sku).available for sku in wanted} == {0}
    assert_stock_balances(shop.orderwright)
    assert_at_rest(shop.orderwright)


def test_what_others_reserved_meanwhile_is_not_taken_out_again(shop: Shop, importing_of: WriteFile) -> None:
    importing_of(THREE_ORDERS).receive_stock()
    order = shop.order(("CD-X1", 4))
    shop.settle()
    assert shop.status(order) == "CONFIRMED"

    importing_of(THREE_ORDERS.replace(",CD-X1,3,", ",CD-X1,1,")).receive_stock()
    assert on_hand(shop)["CD-X1"] == 4, "one of the two pieces too many is not there any more"

    shop.receive("CD-X1", 10)
    importing_of(THREE_ORDERS.replace(",CD-X1,3,", ",CD-X1,1,")).receive_stock()
    assert on_hand(shop)["CD-X1"] == 13, "and is taken out as soon as it can be"


def test_a_receipt_that_a_person_corrected_stays_so(shop: Shop, importing_of: WriteFile) -> None:
    importing_of(THREE_ORDERS).receive_stock()
    (receipt,) = shop.item("CD-X2").receipts  # type: ignore[union-attr]  # it was received
    shop.correct("CD-X2", receipt, 0, reason="broken")

    importing_of(THREE_ORDERS).receive_stock()

    assert on_hand(shop) == {"CD-X1": 5, "CD-X2": 0}


def test_orders_that_are_placed_need_nothing_whatever_way_they_came(
    shop: Shop, importing_of: WriteFile
) -> None:
    place(importing_of("\n".join(THREE_ORDERS.splitlines()[:3]), name="half.csv"))

    assert importing_of(THREE_ORDERS).receive_stock() == Received(receipts=1, quantity=3)
    assert on_hand(shop) == {"CD-X1": 3}


def test_a_file_that_an_earlier_release_received_for_is_not_received_again(
    shop: Shop, importing_of: WriteFile
) -> None:
    job = importing_of(THREE_ORDERS)
    # It was killed after the first product; each had one receipt for the whole file.
    shop.receive("CD-X1", 5, command_id=f"import:{job.digest}:CD-X1")

    assert job.receive_stock() == Received(receipts=1, quantity=1, receipts_before=2)
    longer = importing_of(THREE_ORDERS.replace("\n", "\r\n") + "r-9,bob,,CD-X1,4,1.00,USD\n")
    assert longer.receive_stock() == Received(receipts=1, quantity=4, receipts_before=3)
    assert on_hand(shop) == {"CD-X1": 9, "CD-X2": 1}


def test_more_than_one_receipt_can_hold_is_received_in_parts(shop: Shop, importing_of: WriteFile) -> None:
    content = lines(*(f"r-{n},ada,,CD-X1,{MAX_QUANTITY},1.00,USD" for n in range(3)))
    assert importing_of(content).receive_stock() == Received(receipts=3, quantity=3 * MAX_QUANTITY)
    assert importing_of(content).receive_stock() == Received(0, 0, receipts_before=3)
    assert on_hand(shop) == {"CD-X1": 3 * MAX_QUANTITY}


def test_a_batch_whose_stock_was_changed_meanwhile_is_decided_anew(
    shop: Shop, importing_of: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.receive("CD-X1", 100)
    inventory = shop.orderwright.inventory
    save, others = inventory.save, [10, 10, 10]

    def overtaken(*changed: Any) -> Any:
        is_a_batch = len(changed) > 1
        if is_a_batch and others:
            shop.receive("CD-X1", others.pop())
        return save(*changed)

    monkeypatch.setattr(importing, "BATCH_ORDERS", 1)
    monkeypatch.setattr(inventory, "save", overtaken)
    received = importing_of(THREE_ORDERS).receive_stock()

    assert received == Received(receipts=3, quantity=6)
    assert on_hand(shop) == {"CD-X1": 135, "CD-X2": 1}
    assert_stock_balances(shop.orderwright)


def test_of_a_product_with_a_long_stream_only_what_is_new_is_read(
    shop: Shop, importing_of: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"r-{number},ada,,CD-X1,1,1.00,USD" for number in range(60)]
    monkeypatch.setattr(importing, "BATCH_ORDERS", 5)
    for _ in range(40):
        shop.receive("CD-X1", 1)
    recorder = shop.orderwright.inventory.recorder
    select: Any = recorder.select_streams
    read: list[Any] = []

    def count(after: dict[object, int], at_most: int | None = None) -> Any:
        found = list(select(after, at_most))
        read.extend(event for event in found if event.originator_id == stock_item_id("CD-X1"))
        return found

    monkeypatch.setattr(recorder, "select_streams", count)
    importing_of("\n".join((HEADER, *rows))).receive_stock()

    versions = [event.originator_version for event in read]
    assert versions[:41] == list(range(1, 42))
    assert len(versions) == len(set(versions)), "a part of the stream was read again"
    assert on_hand(shop) == {"CD-X1": 100}


def test_what_was_received_for_an_order_stands_in_an_event_of_its_own(
    shop: Shop, importing_of: WriteFile
) -> None:
    importing_of(THREE_ORDERS).receive_stock()

    supplies = list(events_of(shop.orderwright.inventory, "Supply.Received"))

    told = {event.order_ref: [(line.sku, line.quantity) for line in event.lines] for event in supplies}
    assert told == {"r-1": [("CD-X1", 2), ("CD-X2", 1)], "r-2": [("CD-X1", 3)]}
