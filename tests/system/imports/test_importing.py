"""The import: what it places and receives, and that doing it again, or half of it, changes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from application.base import ConcurrentChanges
from system.imports import importing
from system.imports.importing import Import, Placed
from system.imports.order_files import OrderFile, Refusal
from tests.support.running_shop import Shop
from tests.system.imports.test_order_files import HEADER, lines

WriteFile = Callable[..., Import]

THREE_ORDERS = lines(
    "r-1,ada,1997-01-31,CD-X1,2,11.77,USD",
    "r-1,ada,1997-01-31,CD-X2,1,0.00,USD",
    "r-2,eve,1997-02-01,CD-X1,3,5.00,USD",
    "r-3,bob,1997-02-02,CD-X3,1,0.00,USD",
)


@pytest.fixture
def importing_of(shop: Shop, tmp_path: Path) -> Iterator[WriteFile]:
    jobs: list[Import] = []

    def write(content: str, payment_method: str = "pm_ok", name: str = "orders.csv") -> Import:
        path = tmp_path / name
        path.write_text(content)
        jobs.append(Import(shop.orderwright, OrderFile(path, payment_method), "ada"))
        return jobs[-1]

    yield write
    for job in jobs:
        job.close()


def place(job: Import) -> tuple[Placed, list[Refusal]]:
    refusals: list[Refusal] = []
    return job.place_orders(refusals.append), refusals


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
    commands = {"Orders": f"import:{job.digest[:12]}", "Inventory": "import:order:1:r-1"}
    for application in (shop.orderwright.orders, shop.orderwright.inventory):
        for notification in application.recorder.select_notifications(1, 100):
            event = application.mapper.to_domain_event(notification)
            assert event.user == "ada"  # type: ignore[attr-defined]
            assert event.command_id == commands[application.name]  # type: ignore[attr-defined]


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
