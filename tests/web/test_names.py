"""What names somebody or something: nothing of it is hidden, and nothing that is sent is passed over."""

import pytest

from tests.support.commands import an_order as asked_for
from tests.support.earlier import placed_earlier, received_earlier
from tests.support.ways import ByHand
from tests.web.api import Api, an_order

HIDDEN = ["\u200b", "\u00ad", "\ufeff", "\u3164", "\u2800", "\ufe0f", "\ue000", "\u0378", "\U000e0041"]


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda one: f"U+{ord(one):04X}")
@pytest.mark.parametrize("field", ["customer_id", "order_ref", "payment_method"])
def test_a_character_that_cannot_be_seen_is_in_no_id(api: Api, field: str, hidden: str) -> None:
    answer = api.place(**{field: f"a{hidden}b"})
    assert (answer.status, answer.code) == (422, "invalid_text")
    assert answer.faults == [(f"/{field}", "invalid_text")]
    assert f"U+{ord(hidden):04X}" in answer.json["detail"]
    assert api.stored()["Orders"] is None


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda one: f"U+{ord(one):04X}")
def test_nor_in_the_name_of_a_user_who_hears_which(api: Api, hidden: str) -> None:
    user = f"a{hidden}b".encode().decode("latin-1")
    answer = api.post("/orders", an_order(), X_User=user)
    assert (answer.status, answer.code) == (400, "invalid_header")
    assert f"U+{ord(hidden):04X}" in answer.json["detail"]


@pytest.mark.parametrize("hidden", ["\u200b", "\u3164"], ids=lambda one: f"U+{ord(one):04X}")
def test_nor_in_where_a_refund_is_written_down(api: Api, hidden: str) -> None:
    where = f"/operations/fulfilments/{api.placed()}/force-fail"
    answer = api.post(where, {"reason": "card closed", "refund_reference": f"transfer{hidden}4711"})
    assert (answer.status, answer.code) == (422, "invalid_text")
    assert answer.faults == [("/refund_reference", "invalid_text")]


def test_sentences_keep_the_joiners_that_their_scripts_need(api: Api) -> None:
    reason = "نمی\u200cخواهم 👩\u200d🚀 ❤\ufe0f"
    answer = api.post(f"/orders/{api.placed()}/cancellation", {"reason": reason})
    assert answer.json["cancel_reason"] == reason


def test_a_customer_of_an_earlier_release_is_still_found(api: Api, idle: ByHand) -> None:
    order = placed_earlier(idle.orderwright.orders, asked_for(customer="a\u200bb"))
    idle.level()
    (found,) = api.get("/orders?customer_id=a%E2%80%8Bb").json["items"]
    assert found["order_id"] == str(order)


@pytest.mark.parametrize("sku", ["A/../B", "A/%2e%2e/B", "A%2F..%2FB", "A/.", "A%2F%2E"])
def test_a_sku_that_an_address_changes_is_not_received_however_it_is_written(api: Api, sku: str) -> None:
    answer = api.post(f"/stock/{sku}/receipts", {"quantity": 1})
    assert (answer.status, answer.code) == (422, "invalid_sku")
    assert api.stored()["Inventory"] is None


def test_stock_of_an_earlier_release_is_found_and_written_off(api: Api, idle: ByHand) -> None:
    receipt = received_earlier(idle.orderwright.inventory, "A/../B", 5)
    idle.level()
    (found,) = api.get("/stock?sku=A/../B").json["items"]
    assert (found["sku"], found["on_hand"]) == ("A/../B", 5)

    correction = {"event_id": receipt, "quantity": 0, "reason": "it has another SKU now"}
    assert api.post("/stock/A%2F..%2FB/corrections", correction).json["on_hand"] == 0


@pytest.mark.parametrize("query", ["Idempotency-Key=one", "order_ref=S-1", "user=ada&user=bob"])
def test_what_is_asked_for_in_the_query_of_a_command_is_not_passed_over(api: Api, query: str) -> None:
    answer = api.post(f"/orders?{query}", an_order())
    assert (answer.status, answer.code in ("unknown_parameter", "invalid_query")) == (400, True)
    assert api.stored()["Orders"] is None
