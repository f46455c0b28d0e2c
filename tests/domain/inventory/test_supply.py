"""What was taken in for an order of an imported file is remembered, so that it is taken in once."""

from domain.inventory import Supply, supply_id
from domain.shared.ids import order_id_from_ref, stock_item_id
from domain.shared.products import ProductQuantity
from tests.support.stories import facts, given, new_events, replayed, state

LINES = (ProductQuantity("TEAPOT", 1), ProductQuantity("CUP", 6))
FEWER = (ProductQuantity("TEAPOT", 1),)


def test_a_supply_says_for_which_order_what_came_in_and_by_which_receipts() -> None:
    supply = Supply.receive("cdnow-17", LINES, "import-1")

    (received,) = new_events(supply)
    assert received.TOPIC == "Supply.Received"
    assert (received.order_ref, received.lines, received.receipt_command) == ("cdnow-17", LINES, "import-1")
    assert (supply.order_ref, supply.lines, supply.receipt_commands) == ("cdnow-17", LINES, ("import-1",))


def test_a_reference_has_one_supply_and_no_other_stream_has_its_id() -> None:
    assert Supply.receive("cdnow-17", LINES, "import-1").id == supply_id("cdnow-17")
    assert supply_id("cdnow-17") == supply_id("cdnow-17")

    of_others = {supply_id("cdnow-18"), order_id_from_ref("cdnow-17"), stock_item_id("cdnow-17")}
    assert supply_id("cdnow-17") not in of_others


def test_the_id_of_a_supply_stays_from_release_to_release() -> None:
    assert str(supply_id("cdnow-17")) == "1bcfd8ec-8ef7-5c76-8240-d580ab421bc5"


def test_other_quantities_are_remembered_with_their_receipts() -> None:
    supply = given(Supply.receive("cdnow-17", LINES, "import-1"))

    supply.change(FEWER, "import-2")

    (changed,) = new_events(supply)
    assert (changed.TOPIC, changed.lines, changed.receipt_command) == ("Supply.Changed", FEWER, "import-2")
    assert (supply.lines, supply.receipt_commands) == (FEWER, ("import-1", "import-2"))


def test_the_same_quantities_again_change_nothing() -> None:
    supply = given(Supply.receive("cdnow-17", LINES, "import-1"))

    supply.change(LINES, "import-2")

    assert facts(supply) == []
    assert supply.receipt_commands == ("import-1",)


def test_the_events_alone_give_the_supply_back() -> None:
    supply = Supply.receive("cdnow-17", LINES, "import-1")
    supply.change(FEWER, "import-2")

    assert state(replayed(new_events(supply))) == state(supply)
