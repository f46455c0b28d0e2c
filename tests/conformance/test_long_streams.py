"""A product with a long history, on every store: a command reads only what it needs, and is never behind."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from application import recent
from domain.inventory import StockItem
from domain.inventory.stock_item import InsufficientStock
from domain.shared.causes import Cause, because_of
from domain.shared.errors import VersionConflict
from domain.shared.ids import stock_item_id
from system.definition import Inventory
from tests.support.commands import asked
from tests.support.fixtures import Environment
from tests.support.stories import FRIDAY_NOON

from .conftest import Open

LONG = 300


def long_history(inventory: Inventory, receipts: int = LONG) -> None:
    """So many receipts of one teapot each, under the commands ``old-1``, ``old-2`` and so on."""
    item: StockItem | None = None
    for number in range(1, receipts + 1):
        cause = Cause.command(time=FRIDAY_NOON, correlation_id="x", command_id=f"old-{number}", user="ada")
        with because_of(cause):
            item = item or StockItem.introduce("TEAPOT")
            item.receive(1, f"old-{number}")
    assert item is not None
    inventory.save(item)


def events_read(inventory: Inventory, act: Callable[[], object]) -> int:
    """How many events the store is asked for, and gives, while something is done."""
    given: list[StoredEvent] = []
    recorder: Any = inventory.recorder
    select_events = recorder.select_events

    def counting(*args: Any, **kwargs: Any) -> list[StoredEvent]:
        found = list(select_events(*args, **kwargs))
        given.extend(found)
        return found

    recorder.select_events = counting
    try:
        act()
    finally:
        recorder.select_events = select_events
    return len(given)


@pytest.fixture
def inventory(persistence: Environment, open_application: Open) -> Inventory:
    """The inventory, with a product that has a long history."""
    inventory: Inventory = open_application(Inventory, persistence)
    long_history(inventory)
    return inventory


def test_the_second_receipt_reads_only_what_is_new(inventory: Inventory) -> None:
    first = inventory.receive_stock("TEAPOT", 5, asked("new-1"))
    assert (first.view.on_hand, first.view.version) == (LONG + 5, LONG + 2)

    for number in range(2, 8):
        context = asked(f"new-{number}")
        assert events_read(inventory, partial(inventory.receive_stock, "TEAPOT", 5, context)) <= number

    assert inventory.find(StockItem, stock_item_id("TEAPOT")).on_hand == LONG + 7 * 5  # type: ignore[union-attr]


def test_a_receipt_that_comes_too_late_reads_one_event(inventory: Inventory) -> None:
    context = asked("unique")
    without_key = type(context)(context.command_id, context.time, context.user, can_be_a_repeat=False)

    def too_late() -> None:
        with pytest.raises(VersionConflict) as refused:
            inventory.receive_stock("TEAPOT", 5, without_key, expected_version=7)
        assert (refused.value.expected, refused.value.current) == (7, LONG + 1)

    assert events_read(inventory, too_late) == 1


def test_a_repeat_is_still_known_by_its_key_whatever_version_it_expects(inventory: Inventory) -> None:
    inventory.receive_stock("TEAPOT", 5, asked("new-1"))
    for key, version in (("old-7", 3), ("new-1", LONG + 1)):
        assert inventory.receive_stock(
            "TEAPOT", 1 if key == "old-7" else 5, asked(key), expected_version=version
        ).replayed
    with pytest.raises(VersionConflict):
        inventory.receive_stock("TEAPOT", 5, asked("new-2"), expected_version=LONG + 1)


def test_what_is_refused_or_lost_leaves_nothing_behind(inventory: Inventory) -> None:
    receipt = inventory.receive_stock("TEAPOT", 5, asked("new-1")).view
    with pytest.raises(InsufficientStock):
        inventory.save(*_reserved_too_much(inventory))
    _fail_once_after_deciding(inventory)
    with pytest.raises(RuntimeError, match="the store is away"):
        inventory.receive_stock("TEAPOT", 1000, asked("lost"))

    again = inventory.correct_receipt("TEAPOT", receipt.event_id, 6, "counted anew", asked("new-2"))

    assert (again.view.on_hand, again.view.version) == (LONG + 6, LONG + 3)
    assert not inventory.receive_stock("TEAPOT", 1000, asked("lost")).replayed


def _reserved_too_much(inventory: Inventory) -> list[Any]:
    item = inventory.find(StockItem, stock_item_id("TEAPOT"))
    assert item is not None
    item.reserve(stock_item_id("order"), LONG * 2)
    return [item]


def _fail_once_after_deciding(inventory: Inventory) -> None:
    fragile: Any = inventory
    save = inventory.save

    def fails(*aggregates: Any) -> None:
        fragile.save = save
        raise RuntimeError("the store is away")

    fragile.save = fails


def test_two_processes_see_each_others_receipts(
    durable_persistence: Environment, open_application: Open
) -> None:
    one, other = (open_application(Inventory, durable_persistence) for _ in range(2))
    long_history(one)
    versions = [
        process.receive_stock("TEAPOT", 1, asked(f"{number}-{name}")).view.version
        for number in range(5)
        for name, process in (("one", one), ("other", other))
    ]

    assert versions == list(range(LONG + 2, LONG + 12))
    assert other.find(StockItem, stock_item_id("TEAPOT")).on_hand == LONG + 10


@pytest.mark.parametrize("others", [0, 1, 5], ids=["nothing", "fewer", "more"])
def test_a_store_that_was_set_back_is_believed(
    on_sqlite: Environment, open_application: Open, others: int
) -> None:
    """Nothing that was remembered outlives the events that it was made of, whatever others wrote since."""
    running, elsewhere = (open_application(Inventory, on_sqlite) for _ in range(2))
    long_history(running)
    for key, quantity in (("lost", 1000), ("lost too", 1)):
        running.receive_stock("TEAPOT", quantity, asked(key))

    table, last = elsewhere.recorder.events_table_name, LONG + 1
    with elsewhere.recorder.datastore.transaction(commit=True) as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE originator_version > {last}")
    for number in range(others):
        elsewhere.receive_stock("TEAPOT", 1, asked(f"elsewhere-{number}"))

    after = running.receive_stock("TEAPOT", 2, asked("after"))
    assert (after.view.on_hand, after.view.version) == (LONG + others + 2, last + others + 1)
    assert not running.receive_stock("TEAPOT", 1000, asked("lost")).replayed
    assert running.find(StockItem, stock_item_id("TEAPOT")).on_hand == LONG + others + 1002


def test_many_at_once_miss_nothing(persistence: Environment, open_application: Open) -> None:
    inventory = open_application(Inventory, persistence)
    long_history(inventory, 50)

    def receive(number: int) -> int:
        while True:
            try:
                return int(inventory.receive_stock("TEAPOT", 1, asked(f"new-{number}")).view.version)
            except Exception as error:
                if getattr(error, "code", "") != "concurrent_changes":
                    raise

    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(receive, range(40)))

    assert sorted(versions) == list(range(52, 92))
    assert inventory.find(StockItem, stock_item_id("TEAPOT")).on_hand == 90


def test_little_is_remembered(in_memory_inventory: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many entries all told; but always the one that was used last."""
    monkeypatch.setattr(recent, "MOST_ENTRIES", 50)
    for product in ("A", "B"):
        for number in range(40):
            in_memory_inventory.receive_stock(product, 1, asked(f"{product}-{number}"))

    def receive(product: str) -> int:
        return events_read(
            in_memory_inventory,
            lambda: in_memory_inventory.receive_stock(product, 1, asked(f"{product}-more")),
        )

    assert receive("B") <= 2
    assert receive("A") == 41
    assert receive("B") == 42


@pytest.fixture
def in_memory_inventory() -> Inventory:
    return Inventory({"PERSISTENCE_MODULE": "eventsourcing.popo"})


def test_the_collections_of_what_is_remembered_hold_what_is_never_changed(
    in_memory_inventory: Inventory,
) -> None:
    """A copy has collections of its own, but shares what is in them."""
    receipt = in_memory_inventory.receive_stock("TEAPOT", 5, asked("1")).view
    in_memory_inventory.correct_receipt("TEAPOT", receipt.event_id, 6, "counted anew", asked("2"))
    item: Any = in_memory_inventory.find(StockItem, stock_item_id("TEAPOT"))
    for value in vars(item).values():
        if isinstance(value, dict):
            assert value
            hash((*value, *value.values()))
        else:
            assert value == [] or hash(value) is not None
