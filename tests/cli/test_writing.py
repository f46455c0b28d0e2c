"""Stock is received and corrected from the command line, and the next command sees it."""

from .console import Console


def test_goods_are_received_and_listed_at_once(console: Console) -> None:
    receipt = console.json("stock", "receive", "TEA-1", 5)
    assert receipt.keys() == {"sku", "on_hand", "reserved", "available", "version", "event_id"}
    assert console.json("stock", "list")["items"][0]["on_hand"] == 5
    assert console("stock", "receive", "TEA-1", 2).stdout.startswith("Received 2 of TEA-1 as event ")
    assert console.json("stock", "list")["items"][0]["on_hand"] == 7


def test_a_receipt_with_a_key_is_recorded_once(console: Console) -> None:
    first = console.json("stock", "receive", "TEA-1", 5, "--key", "delivery-7")
    again = console("stock", "receive", "TEA-1", 5, "--key", "delivery-7").stdout
    assert again == f"Nothing new: this was received before, as event {first['event_id']}.\n"
    error = console.error("stock", "receive", "TEA-1", 6, "--key", "delivery-7", code=1)
    assert error["code"] == "receipt_already_recorded"
    assert error["errors"][0]["pointer"] == "/quantity"


def test_a_receipt_is_corrected_with_a_reason(console: Console) -> None:
    event_id = console.json("stock", "receive", "TEA-1", 50)["event_id"]
    item = console.json("stock", "correct", "TEA-1", event_id, 5, "--reason", "a zero too many")
    assert item == {"sku": "TEA-1", "on_hand": 5, "reserved": 0, "available": 5, "version": 3}
    again = console("stock", "correct", "TEA-1", event_id, 5, "--reason", "a zero too many").stdout
    assert again == "Nothing new: that receipt counts for 5 already.\n"
    assert console.json("stock", "list")["items"] == [item]


def test_a_correction_needs_a_reason_and_a_receipt(console: Console) -> None:
    console("stock", "receive", "TEA-1", 50)
    error = console.error("stock", "correct", "TEA-1", "nonsense", 5, code=2)
    assert "--reason" in error["detail"]
    error = console.error("stock", "correct", "TEA-1", "nonsense", 5, "--reason", "why not", code=1)
    assert error["code"] == "receipt_not_found"
    error = console.error("stock", "correct", "TEA-2", "nonsense", 5, "--reason", "why not", code=1)
    assert error["code"] == "product_not_found"
