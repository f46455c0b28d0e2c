"""What an earlier release took and this one does not: old orders stand, new ones are refused."""

from decimal import Decimal
from uuid import uuid4

import pytest

from application.inventory import Inventory
from application.orders import IdempotencyKeyReused, Item, Orders, PlaceOrder
from domain.shared.errors import DomainError
from domain.shared.money import UnknownCurrency
from domain.shared.products import InvalidSku
from tests.support.commands import an_order, asked
from tests.support.earlier import placed_earlier, received_earlier

PARENT = Item("A/../B", 1, Decimal("4.50"))
IN_GUILDERS = an_order(currency="ANG", key="checkout-1", ref="S-1")
OF_A_PARENT = an_order(PARENT, key="checkout-1")


@pytest.fixture
def orders() -> Orders:
    return Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})


@pytest.fixture
def inventory() -> Inventory:
    return Inventory({"PERSISTENCE_MODULE": "eventsourcing.popo"})


@pytest.mark.parametrize(
    ("command", "refusal", "field"),
    [
        (IN_GUILDERS, UnknownCurrency, "/currency"),
        (OF_A_PARENT, InvalidSku, "/items/0/sku"),
        (an_order(currency="ANG"), UnknownCurrency, "/currency"),
    ],
)
def test_it_is_refused_alone_in_bulk_and_when_only_looked_at(
    orders: Orders, command: PlaceOrder, refusal: type[DomainError], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        orders.place_order(command, asked("checkout-1"))
    assert refused.value.field == field
    with pytest.raises(refusal):
        orders.check(command)
    (answer,) = orders.place_orders([command], asked("import"))
    assert isinstance(answer, refusal)
    assert orders.recorder.max_notification_id() is None


@pytest.mark.parametrize("command", [IN_GUILDERS, OF_A_PARENT])
def test_who_sends_an_order_again_that_was_placed_then_hears_that_it_stands(
    orders: Orders, command: PlaceOrder
) -> None:
    order_id = placed_earlier(orders, command)

    again = orders.place_order(command, asked("checkout-1"))

    assert again.replayed
    assert again.view.order_id == str(order_id)
    assert orders.place_orders([command], asked("import")) == [None]
    assert orders.recorder.max_notification_id() == 1


def test_with_other_content_it_is_another_order_under_the_same_key(orders: Orders) -> None:
    placed_earlier(orders, IN_GUILDERS)
    other = an_order(Item("CUP", 1, Decimal(3)), currency="ANG", key="checkout-1", ref="S-1")

    with pytest.raises(IdempotencyKeyReused):
        orders.place_order(other, asked("checkout-1"))
    (answer,) = orders.place_orders([other], asked("import"))
    assert isinstance(answer, IdempotencyKeyReused)


def test_stock_with_such_a_sku_is_not_received_but_can_be_written_off(inventory: Inventory) -> None:
    receipt = received_earlier(inventory, "A/../B", 5)
    with pytest.raises(InvalidSku):
        inventory.receive_stock("A/../B", 1, asked("receipt-2"))
    with pytest.raises(InvalidSku):
        inventory.receive_stock("C/..", 1, asked("receipt-3"))

    left = inventory.correct_receipt("A/../B", receipt, 0, "it has another SKU now", asked(str(uuid4())))

    assert (left.view.sku, left.view.on_hand) == ("A/../B", 0)


def test_the_receipt_of_then_sent_again_is_found(inventory: Inventory) -> None:
    receipt = received_earlier(inventory, "A/../B", 5)

    again = inventory.receive_stock("A/../B", 5, asked("of-an-earlier-release"))

    assert (again.replayed, again.view.event_id) == (True, receipt)
