"""Stock is received once a delivery, corrected by name, reserved and released once an order."""

from typing import Any

import pytest

from application.inventory import Inventory, ProductNotFound
from application.views import StockView, Written
from domain.inventory import Reservation, ReservationStatus
from domain.inventory.stock_item import (
    CorrectionAlreadyRecorded,
    InsufficientStock,
    ReceiptAlreadyRecorded,
    ReceiptNotFound,
)
from domain.shared.causes import because_of
from domain.shared.errors import VersionConflict
from domain.shared.ids import reservation_id
from domain.shared.products import InvalidQuantity, InvalidSku, ProductQuantity
from tests.support.commands import asked
from tests.support.stories import ADA_ASKS, ORDER_ID


@pytest.fixture
def inventory() -> Inventory:
    return Inventory({"PERSISTENCE_MODULE": "eventsourcing.popo"})


def stored(inventory: Inventory) -> int:
    return inventory.recorder.max_notification_id() or 0


def test_the_first_delivery_introduces_the_product(inventory: Inventory) -> None:
    written = inventory.receive_stock("TEAPOT", 10, asked("delivery-1"))

    receipt = written.view
    assert (receipt.sku, receipt.on_hand, receipt.reserved, receipt.available) == ("TEAPOT", 10, 0, 10)
    assert receipt.version == 2
    assert (written.application, written.position) == ("Inventory", 2)


def test_the_same_delivery_again_records_nothing(inventory: Inventory) -> None:
    first = inventory.receive_stock("TEAPOT", 10, asked("delivery-1"), expected_version=0)

    again = inventory.receive_stock("TEAPOT", 10, asked("delivery-1"), expected_version=0)

    assert again.replayed
    assert again.view == first.view
    assert stored(inventory) == 2


def test_the_same_delivery_with_another_quantity_is_refused(inventory: Inventory) -> None:
    inventory.receive_stock("TEAPOT", 10, asked("delivery-1"))

    with pytest.raises(ReceiptAlreadyRecorded):
        inventory.receive_stock("TEAPOT", 12, asked("delivery-1"))

    assert stored(inventory) == 2


def test_of_two_deliveries_at_the_same_time_both_count(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_save = inventory.save

    def overtaken(*objs: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(inventory, "save", first_save)
        inventory.receive_stock("TEAPOT", 5, asked("delivery-2"))
        return first_save(*objs, **kwargs)

    monkeypatch.setattr(inventory, "save", overtaken)
    written = inventory.receive_stock("TEAPOT", 10, asked("delivery-1"))

    assert (written.view.on_hand, written.view.version) == (15, 3)


@pytest.mark.parametrize(("expected", "current"), [(1, 0), (2, 0)])
def test_a_product_that_was_never_received_has_version_zero(
    inventory: Inventory, expected: int, current: int
) -> None:
    with pytest.raises(VersionConflict) as refused:
        inventory.receive_stock("TEAPOT", 10, asked("delivery-1"), expected_version=expected)

    assert (refused.value.expected, refused.value.current) == (expected, current)
    assert stored(inventory) == 0


def test_nothing_is_stored_for_a_refused_delivery(inventory: Inventory) -> None:
    with pytest.raises(InvalidSku):
        inventory.receive_stock("no sku", 10, asked("delivery-1"))
    with pytest.raises(InvalidQuantity):
        inventory.receive_stock("TEAPOT", 0, asked("delivery-1"))

    assert stored(inventory) == 0


def test_a_receipt_is_corrected_under_the_name_it_was_given(inventory: Inventory) -> None:
    receipt = inventory.receive_stock("TEAPOT", 100, asked("delivery-1")).view

    corrected = inventory.correct_receipt(
        "TEAPOT", receipt.event_id, 10, "one box, not ten", asked("correction-1")
    )
    again = inventory.correct_receipt(
        "TEAPOT", receipt.event_id, 10, "one box, not ten", asked("correction-1")
    )

    assert (corrected.view.on_hand, corrected.view.version) == (10, 3)
    assert again.replayed
    assert stored(inventory) == 3


def test_a_correction_sent_again_with_the_version_it_expected_then_is_no_conflict(
    inventory: Inventory,
) -> None:
    receipt = inventory.receive_stock("TEAPOT", 100, asked("delivery-1")).view

    def correct(quantity: int) -> Written[StockView]:
        return inventory.correct_receipt(
            "TEAPOT", receipt.event_id, quantity, "one box", asked(f"make-it-{quantity}"), expected_version=2
        )

    first, again = correct(10), correct(10)

    assert (first.replayed, again.replayed) == (False, True)
    assert again.view == first.view
    with pytest.raises(VersionConflict):
        correct(11)


def test_an_old_correction_that_arrives_again_does_not_undo_a_newer_one(inventory: Inventory) -> None:
    receipt = inventory.receive_stock("TEAPOT", 100, asked("delivery-1")).view
    inventory.correct_receipt("TEAPOT", receipt.event_id, 10, "one box", asked("first"))
    inventory.correct_receipt("TEAPOT", receipt.event_id, 12, "counted again", asked("second"))

    late = inventory.correct_receipt("TEAPOT", receipt.event_id, 10, "one box", asked("first"))

    assert (late.replayed, late.view.on_hand) == (True, 12)
    with pytest.raises(CorrectionAlreadyRecorded):
        inventory.correct_receipt("TEAPOT", receipt.event_id, 11, "one box", asked("first"))


def test_a_correction_needs_a_product_a_receipt_and_the_current_version(inventory: Inventory) -> None:
    receipt = inventory.receive_stock("TEAPOT", 10, asked("delivery-1")).view

    with pytest.raises(ProductNotFound):
        inventory.correct_receipt("CUP", receipt.event_id, 5, "broken", asked("c"))
    with pytest.raises(ReceiptNotFound):
        inventory.correct_receipt("TEAPOT", "another event", 5, "broken", asked("c"))
    with pytest.raises(VersionConflict):
        inventory.correct_receipt("TEAPOT", receipt.event_id, 5, "broken", asked("c"), expected_version=1)

    assert stored(inventory) == 2


def reserve(inventory: Inventory, **quantities: int) -> None:
    """Decide and save the reservation of the order, as the policy does."""
    with because_of(ADA_ASKS):
        lines = [ProductQuantity(sku, quantity) for sku, quantity in quantities.items()]
        inventory.save(*inventory.reserve(ORDER_ID, lines))


def release(inventory: Inventory) -> None:
    """Release what the order holds and save it, as the policy does."""
    with because_of(ADA_ASKS):
        inventory.save(*inventory.release(ORDER_ID))


def status(inventory: Inventory) -> ReservationStatus | None:
    reservation = inventory.find(Reservation, reservation_id(ORDER_ID))
    return None if reservation is None else reservation.status


def test_an_order_reserves_once_and_releases_once(inventory: Inventory) -> None:
    inventory.receive_stock("TEAPOT", 10, asked("delivery-1"))

    reserve(inventory, TEAPOT=3)
    reserve(inventory, TEAPOT=3)
    assert status(inventory) is ReservationStatus.HELD
    assert stored(inventory) == 4
    release(inventory)
    release(inventory)

    assert stored(inventory) == 6
    assert inventory.receive_stock("TEAPOT", 1, asked("delivery-2")).view.available == 11


def test_an_order_for_more_than_there_is_holds_nothing_and_releases_nothing(inventory: Inventory) -> None:
    inventory.receive_stock("TEAPOT", 10, asked("delivery-1"))

    reserve(inventory, TEAPOT=3, CUP=6)
    release(inventory)

    assert status(inventory) is ReservationStatus.REJECTED
    assert stored(inventory) == 3


def test_releasing_what_was_never_reserved_is_nothing(inventory: Inventory) -> None:
    release(inventory)

    assert stored(inventory) == 0


def test_what_an_order_holds_cannot_be_corrected_away(inventory: Inventory) -> None:
    receipt = inventory.receive_stock("TEAPOT", 10, asked("delivery-1")).view
    reserve(inventory, TEAPOT=8)

    with pytest.raises(InsufficientStock):
        inventory.correct_receipt("TEAPOT", receipt.event_id, 7, "three broken", asked("c"))
