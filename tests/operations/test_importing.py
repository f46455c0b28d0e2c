"""The import: what it places and receives, and that doing it again, or half of it, changes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from application.base import ConcurrentChanges
from domain.shared.products import MAX_QUANTITY
from system.operations import importing
from system.operations.importing import Import, Placed, Received
from system.operations.order_files import OrderFile, Refusal
from tests.operations.test_order_files import HEADER, lines
from tests.support.running_shop import Shop

WriteFile = Callable[..., Import]

THREE_ORDERS = lines(
    "r-1,ada,1997-01-31,CD-X1,2,11.77,USD",
    "r-1,ada,1997-01-31,CD-X2,1,0.00,USD",
    "r-2,eve,1997-02-01,CD-X1,3,5.00,USD",
    "r-3,bob,1997-02-02,CD-X3,1,0.00,USD",
)


@pytest.fixture
def importing_of(shop: Shop, tmp_path: Path) -> WriteFile:
    def write(content: str, payment_method: str = "pm_ok", name: str = "orders.csv") -> Import:
        path = tmp_path / name
        path.write_text(content)
        return Import(shop.orderwright, OrderFile(path, payment_method), "ada")

    return write


def place(job: Import) -> tuple[Placed, list[Refusal]]:
    refusals: list[Refusal] = []
    return job.place_orders(refusals.append), refusals


def on_hand(shop: Shop) -> dict[str, int]:
    items = {sku: shop.item(sku) for sku in ("CD-X1", "CD-X2", "CD-X3")}
    return {sku: item.on_hand for sku, item in items.items() if item is not None}


def test_orders_are_placed_and_refused_with_their_lines(shop: Shop, importing_of: WriteFile) -> None:
    placed, refusals = place(importing_of(THREE_ORDERS))
    assert placed == Placed(placed=2, already_placed=0, refused=1, refused_lines=1)
    assert refusals == [
        Refusal(5, "r-3", "order_total_not_positive", "the total of an order must be above zero")
    ]
    shop.settle()
    totals = {order.order_ref: order.total for order in shop.dashboard().values()}
    assert totals == {"r-1": "23.54", "r-2": "15.00"}


def test_a_second_import_finds_everything_there_and_refuses_the_same_lines(
    shop: Shop, importing_of: WriteFile
) -> None:
    first = place(importing_of(THREE_ORDERS))
    head = shop.orderwright.orders.recorder.max_notification_id()
    second = place(importing_of(THREE_ORDERS))
    assert second == (Placed(0, 2, 1, 1), first[1])
    assert shop.orderwright.orders.recorder.max_notification_id() == head


def test_exactly_the_stock_is_received_that_acceptable_orders_need(
    shop: Shop, importing_of: WriteFile
) -> None:
    job = importing_of(
        THREE_ORDERS
        + "r-4,bob,,CD-X1,x,1.00,USD\n"  # malformed
        + "r-5,bob,,CD-X1,7,1.005,USD\n"  # too many decimals
        + "r-2,eve,1997-02-01,CD-X1,3,5.00,USD\n"  # the same order once more
    )
    assert job.receive_stock() == Received(receipts=2, quantity=6)
    assert on_hand(shop) == {"CD-X1": 5, "CD-X2": 1}
    place(job)
    shop.settle()
    assert shop.stock("CD-X1").available == 0
    assert {order.status for order in shop.dashboard().values()} == {"CONFIRMED"}


def test_stock_is_received_once_wherever_the_first_run_was_stopped(
    shop: Shop, importing_of: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, calls = shop.orderwright.inventory.receive_stock, []

    def die_at_the_second(*args: object, **kwargs: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return receive(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(shop.orderwright.inventory, "receive_stock", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        importing_of(THREE_ORDERS).receive_stock()
    assert on_hand(shop) == {"CD-X1": 5}

    job = importing_of(THREE_ORDERS)
    assert job.receive_stock() == Received(receipts=1, quantity=1, receipts_before=1)
    place(job)
    assert job.receive_stock() == Received()
    assert on_hand(shop) == {"CD-X1": 5, "CD-X2": 1}


def test_a_later_run_that_finds_fewer_orders_to_place_leaves_the_receipts_as_they_are(
    shop: Shop, importing_of: WriteFile
) -> None:
    importing_of(THREE_ORDERS).receive_stock()
    place(importing_of("\n".join(THREE_ORDERS.splitlines()[:3]), name="half.csv"))
    assert importing_of(THREE_ORDERS).receive_stock() == Received(0, 0, receipts_before=1)
    assert on_hand(shop) == {"CD-X1": 5, "CD-X2": 1}


def test_another_file_receives_for_its_new_orders_only(shop: Shop, importing_of: WriteFile) -> None:
    importing_of(THREE_ORDERS).receive_stock()
    place(importing_of(THREE_ORDERS))
    longer = importing_of(THREE_ORDERS + "r-9,bob,,CD-X2,4,1.00,USD\n")
    assert longer.receive_stock() == Received(receipts=1, quantity=4)
    assert on_hand(shop) == {"CD-X1": 5, "CD-X2": 5}


def test_more_than_one_receipt_can_hold_is_received_in_parts(shop: Shop, importing_of: WriteFile) -> None:
    content = lines(*(f"r-{n},ada,,CD-X1,{MAX_QUANTITY},1.00,USD" for n in range(3)))
    job = importing_of(content)
    assert job.receive_stock() == Received(receipts=3, quantity=3 * MAX_QUANTITY)
    assert importing_of(content).receive_stock() == Received(0, 0, receipts_before=3)
    place(importing_of("\n".join(content.splitlines()[:3]), name="two.csv"))
    assert importing_of(content).receive_stock() == Received(0, 0, receipts_before=1)
    assert on_hand(shop) == {"CD-X1": 3 * MAX_QUANTITY}


def test_a_reference_that_comes_again_with_other_content_is_refused(importing_of: WriteFile) -> None:
    content = THREE_ORDERS + "r-1,ada,1997-01-31,CD-X1,2,11.77,USD\n"
    placed, refusals = place(importing_of(content))
    assert placed == Placed(2, 0, 2, 2)
    assert [(refusal.line, refusal.code) for refusal in refusals] == [
        (5, "order_total_not_positive"),
        (6, "order_ref_taken"),
    ]
    _, again = place(importing_of(content))
    assert again == refusals


def test_another_payment_method_is_another_order(importing_of: WriteFile) -> None:
    place(importing_of(THREE_ORDERS))
    placed, refusals = place(importing_of(THREE_ORDERS, "pm_declined"))
    assert placed == Placed(0, 0, 3, 4)
    assert {refusal.code for refusal in refusals} == {"order_ref_taken", "order_total_not_positive"}


def test_a_rule_that_one_line_breaks_is_told_at_that_line(importing_of: WriteFile) -> None:
    content = lines(
        "r-1,ada,,CD-X1,1,1.00,USD",
        "r-1,ada,,CD X2,1,1.00,USD",
        "r-2,ada,,CD-X1,1,1.005,USD",
        "r-3,ada,,CD-X1,1,1.00,XYZ",
        "r-4,ada,,CD-X1,0,1.00,USD",
        "r-5,ada,,CD-X1,1,-1.00,USD",
    )
    _, refusals = place(importing_of(content))
    assert [(refusal.line, refusal.code, refusal.reason.partition(":")[0]) for refusal in refusals] == [
        (2, "order_incomplete", "line 3 of the same order is refused"),
        (3, "invalid_sku", "sku"),
        (4, "invalid_amount", "unit_price"),
        (5, "unknown_currency", "'XYZ' is not an active ISO 4217 currency code"),
        (6, "invalid_quantity", "quantity"),
        (7, "invalid_amount", "unit_price"),
    ]


def test_a_rule_that_a_whole_order_breaks_is_told_with_its_item(importing_of: WriteFile) -> None:
    items = '[{"sku": "A", "quantity": 1, "unit_price": "1"}, {"sku": "B", "quantity": 0, "unit_price": "1"}]'
    order = f'{{"order_ref": "r-1", "customer_id": "ada", "currency": "USD", "items": {items}}}\n'
    _, (refusal,) = place(importing_of(order, name="orders.jsonl"))
    assert refusal.reason.startswith("items/1/quantity: ")


def test_who_imports_stands_in_every_event(shop: Shop, importing_of: WriteFile) -> None:
    job = importing_of(THREE_ORDERS)
    job.receive_stock()
    place(job)
    for application in (shop.orderwright.orders, shop.orderwright.inventory):
        for notification in application.recorder.select_notifications(1, 100):
            event = application.mapper.to_domain_event(notification)
            assert event.user == "ada"  # type: ignore[attr-defined]
            assert event.command_id.startswith(f"import:{job.digest[:12]}")  # type: ignore[attr-defined]


def test_progress_ends_at_the_end_of_the_file(importing_of: WriteFile) -> None:
    told: list[tuple[int, int]] = []
    job = importing_of(THREE_ORDERS)
    job.place_orders(lambda _: None, lambda size, orders: told.append((size, orders)))
    assert told[-1] == (len(THREE_ORDERS), 3)


def test_many_orders_take_many_batches_and_lose_none(shop: Shop, importing_of: WriteFile) -> None:
    count = 2 * importing.BATCH_ORDERS + 1
    rows = [f"r-{n},ada,,CD-X1,1,1.00,USD" for n in range(count)]
    placed, _ = place(importing_of("\n".join((HEADER, *rows))))
    assert placed.placed == count
    assert shop.orderwright.orders.recorder.max_notification_id() == count


@pytest.mark.parametrize("fault", [OperationalError("database is locked"), ConcurrentChanges("busy")])
def test_a_store_that_is_busy_for_a_moment_is_asked_again(
    shop: Shop, importing_of: WriteFile, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    place_orders, faults = shop.orderwright.orders.place_orders, [fault]

    def busy_once(*args: object) -> object:
        if faults:
            raise faults.pop()
        return place_orders(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(shop.orderwright.orders, "place_orders", busy_once)
    placed, _ = place(importing_of(THREE_ORDERS))
    assert placed.placed == 2


def test_a_store_that_stays_away_ends_the_import(
    shop: Shop, importing_of: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> object:
        raise OperationalError("no connection")

    monkeypatch.setattr(shop.orderwright.orders, "place_orders", away)
    monkeypatch.setattr(importing, "STORE_PATIENCE_SECONDS", 0.05)
    with pytest.raises(OperationalError):
        place(importing_of(THREE_ORDERS))
