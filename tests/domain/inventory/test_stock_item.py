"""Stock is received, corrected, promised to orders, and never promised twice."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.inventory import StockItem
from domain.inventory.stock_item import (
    CorrectionAlreadyRecorded,
    InsufficientStock,
    ReceiptAlreadyRecorded,
    ReceiptNotFound,
)
from domain.shared.causes import Cause, because_of
from domain.shared.errors import DomainError
from domain.shared.ids import stock_item_id
from domain.shared.products import InvalidQuantity, InvalidSku
from tests.support.stories import FRIDAY_NOON, ORDER_ID, facts, given, new_events, replayed, state

SOMEBODY_ELSE = UUID(int=2)


def receive(item: StockItem, quantity: int, command_id: str = "delivery-1") -> str:
    """Receive under a command of that id, as the application does."""
    with because_of(Cause(FRIDAY_NOON, str(item.id), command_id, command_id, "storekeeper")):
        return item.receive(quantity, command_id)


def teapots(quantity: int = 10) -> StockItem:
    item = StockItem.introduce("TEAPOT")
    receive(item, quantity)
    return given(item)


def levels(item: StockItem) -> tuple[int, int, int]:
    return item.on_hand, item.reserved, item.available


def test_a_product_begins_with_nothing_on_hand() -> None:
    item = StockItem.introduce("TEAPOT")

    assert item.id == stock_item_id("TEAPOT")
    assert levels(item) == (0, 0, 0)


def test_a_product_needs_a_proper_sku() -> None:
    with pytest.raises(InvalidSku):
        StockItem.introduce("no such thing")


def test_goods_come_in_and_every_event_carries_the_balance_after_it() -> None:
    item = teapots(10)

    receive(item, 5, "delivery-2")

    (received,) = new_events(item)
    assert (received.sku, received.quantity) == ("TEAPOT", 5)
    assert (received.on_hand, received.reserved) == (15, 0)


def test_a_receipt_is_named_by_the_id_of_its_event() -> None:
    item = teapots(10)

    receipts = [receive(item, 5, "delivery-2"), receive(item, 6, "delivery-3")]

    assert receipts == [event.event_id for event in new_events(item)]


def test_deliveries_without_a_command_are_not_taken_for_each_other() -> None:
    item = StockItem.introduce("TEAPOT")
    with because_of(Cause(FRIDAY_NOON, str(item.id), "a machine counted")):
        item.receive(1, "")
        item.receive(2, "")

    assert item.on_hand == 3
    assert item.receipt_of_command == {}


def test_the_same_delivery_told_again_records_nothing_and_names_the_same_receipt() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 10)
    given(item)

    assert receive(item, 10) == receipt
    assert facts(item) == []


def test_the_same_delivery_with_another_quantity_is_a_contradiction() -> None:
    item = teapots(10)

    with pytest.raises(ReceiptAlreadyRecorded) as refused:
        receive(item, 11)

    assert refused.value.field == "/quantity"
    assert levels(item) == (10, 0, 10)


@pytest.mark.parametrize("quantity", [0, -3, 1_000_001])
def test_a_delivery_of_an_impossible_quantity_is_refused(quantity: int) -> None:
    with pytest.raises(InvalidQuantity):
        receive(teapots(), quantity, "delivery-2")


def test_a_wrong_receipt_is_corrected_by_an_event_that_names_it_and_the_reason() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 100)
    given(item)

    item.correct(receipt, 10, "one box, not ten", "correction-1")

    (corrected,) = new_events(item)
    assert (corrected.corrects, corrected.quantity, corrected.reason) == (receipt, 10, "one box, not ten")
    assert levels(item) == (10, 0, 10)


def test_a_receipt_can_be_corrected_again_and_counts_once() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 100)

    item.correct(receipt, 10, "one box, not ten", "correction-2")
    item.correct(receipt, 0, "it was for the neighbours", "correction-3")
    item.correct(receipt, 12, "it was ours, and twelve", "correction-4")

    assert levels(item) == (12, 0, 12)


def test_correcting_to_what_it_counts_for_already_records_nothing() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 10)
    item.correct(receipt, 9, "one broken", "correction-5")
    given(item)

    item.correct(receipt, 9, "one broken, told twice", "correction-6")

    assert facts(item) == []


def test_a_corrected_delivery_told_again_is_still_the_same_delivery() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 100)
    item.correct(receipt, 10, "one box, not ten", "correction-7")

    assert receive(item, 100) == receipt
    assert item.on_hand == 10


def correct(item: StockItem, receipt: str, quantity: int, command_id: str) -> None:
    """Correct under a command of that id, as the application does."""
    with because_of(Cause(FRIDAY_NOON, str(item.id), command_id, command_id, "storekeeper")):
        item.correct(receipt, quantity, "counted again", command_id)


def test_a_correction_that_is_sent_again_changes_nothing_also_after_another_one() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 100)
    correct(item, receipt, 10, "correction-1")
    correct(item, receipt, 12, "correction-2")
    given(item)

    correct(item, receipt, 10, "correction-1")
    correct(item, receipt, 12, "correction-2")

    assert facts(item) == []
    assert levels(item) == (12, 0, 12)


def test_a_correction_that_is_sent_again_as_another_one_is_refused() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt, other = receive(item, 100), receive(item, 50, "delivery-2")
    correct(item, receipt, 10, "correction-1")
    given(item)

    for another in ((receipt, 11), (other, 10)):
        with pytest.raises(CorrectionAlreadyRecorded, match="already made another correction of TEAPOT"):
            correct(item, *another, "correction-1")
    assert facts(item) == []


def test_only_a_receipt_of_this_product_can_be_corrected() -> None:
    with pytest.raises(ReceiptNotFound) as refused:
        teapots().correct("some other event", 3, "a guess", "correction-8")

    assert refused.value.field == "/event_id"


@pytest.mark.parametrize("quantity", [-1, 1_000_001])
def test_a_receipt_cannot_be_corrected_to_an_impossible_quantity(quantity: int) -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 10)

    with pytest.raises(InvalidQuantity):
        item.correct(receipt, quantity, "a slip of the pen", "correction-9")

    assert item.on_hand == 10


def test_what_is_reserved_cannot_be_corrected_away() -> None:
    item = StockItem.introduce("TEAPOT")
    receipt = receive(item, 10)
    item.reserve(ORDER_ID, 8)
    given(item)

    with pytest.raises(
        InsufficientStock, match="8 of TEAPOT are reserved, so there cannot be 7 on hand"
    ) as refused:
        item.correct(receipt, 7, "three broken", "correction-10")
    assert refused.value.field == "/quantity"
    item.correct(receipt, 8, "two broken", "correction-11")

    assert levels(item) == (8, 8, 0)


def test_stock_is_promised_and_released() -> None:
    item = teapots(10)

    item.reserve(ORDER_ID, 4)
    assert levels(item) == (10, 4, 6)
    item.release(ORDER_ID, 4)
    assert levels(item) == (10, 0, 10)

    assert facts(item) == ["Reserved", "Released"]


@pytest.mark.parametrize("quantity", [11, 0, -4])
def test_no_more_than_is_available_is_promised_and_no_less_than_one(quantity: int) -> None:
    item = teapots(10)

    with pytest.raises(InsufficientStock):
        item.reserve(ORDER_ID, quantity)

    assert levels(item) == (10, 0, 10)


@pytest.mark.parametrize("quantity", [5, 0, -1])
def test_no_more_than_is_reserved_is_released_and_no_less_than_one(quantity: int) -> None:
    item = teapots(10)
    item.reserve(ORDER_ID, 4)

    with pytest.raises(InsufficientStock):
        item.release(ORDER_ID, quantity)

    assert levels(item) == (10, 4, 6)


quantities = st.integers(-2, 40)


class Warehouse(RuleBasedStateMachine):
    """Any commands in any order against one product, compared with plain bookkeeping."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FRIDAY_NOON
        self.item = StockItem.introduce("TEAPOT")
        self.receipts: dict[str, int] = {}
        self.commands: dict[str, str] = {}
        self.reserved = 0

    @rule(quantity=quantities, command=st.sampled_from("abcdef"))
    def receive(self, quantity: int, command: str) -> None:
        """Goods come in, perhaps told before."""
        self.clock += timedelta(minutes=1)
        with because_of(Cause(self.clock, "stock", command, command)):
            try:
                receipt = self.item.receive(quantity, command)
            except DomainError:
                return
        if command not in self.commands:
            self.receipts[receipt] = quantity
        assert self.commands.setdefault(command, receipt) == receipt

    @rule(quantity=quantities, which=st.integers(0, 5))
    def correct(self, quantity: int, which: int) -> None:
        """Some receipt is corrected, if the rules allow it."""
        receipt = [*self.receipts, "unknown"][which % (len(self.receipts) + 1)]
        with because_of(Cause(self.clock, "stock", "c")):
            try:
                self.item.correct(receipt, quantity, "counted again", f"correction to {quantity}")
            except DomainError:
                return
        self.receipts[receipt] = quantity

    @rule(quantity=quantities)
    def reserve(self, quantity: int) -> None:
        """An order wants some."""
        before = self.item.available
        with because_of(Cause(self.clock, "stock", "r")):
            try:
                self.item.reserve(ORDER_ID, quantity)
            except InsufficientStock:
                assert not 0 < quantity <= before
                return
        self.reserved += quantity

    @rule(quantity=quantities)
    def release(self, quantity: int) -> None:
        """An order gives some back."""
        with because_of(Cause(self.clock, "stock", "r")):
            try:
                self.item.release(SOMEBODY_ELSE, quantity)
            except InsufficientStock:
                return
        self.reserved -= quantity

    @invariant()
    def is_never_oversold(self) -> None:
        """``0 <= reserved <= on_hand``, and both are what bookkeeping says."""
        item = self.item
        assert 0 <= item.reserved <= item.on_hand
        assert item.on_hand == item.available + item.reserved
        assert item.on_hand == sum(self.receipts.values())
        assert item.reserved == self.reserved

    def teardown(self) -> None:
        """The events alone give the same item, and each carries the balance after it."""
        events = new_events(self.item)
        assert state(replayed(events)) == state(self.item)
        for number, event in enumerate(events[1:], start=2):
            item = replayed(events[:number])
            assert (event.on_hand, event.reserved) == (item.on_hand, item.reserved)


Warehouse.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestWarehouse = Warehouse.TestCase
