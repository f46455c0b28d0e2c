"""Stock over HTTP: received, corrected, looked up."""

import pytest

from tests.support.ways import ByHand, UnderOurRunner
from tests.web.api import Api


def test_goods_are_received(api: Api) -> None:
    answer = api.post("/stock/TEA/receipts", {"quantity": 10})

    assert answer.status == 201
    assert answer.header("Consistency-Token") == "Inventory:2"
    assert answer.json == {
        "sku": "TEA",
        "on_hand": 10,
        "reserved": 0,
        "available": 10,
        "version": 2,
        "event_id": answer.json["event_id"],
    }


def test_the_same_key_receives_once(api: Api) -> None:
    first = api.post("/stock/TEA/receipts", {"quantity": 10}, Idempotency_Key="lorry 7")
    before = api.stored()

    again = api.post("/stock/TEA/receipts", {"quantity": 10}, Idempotency_Key="lorry 7")
    assert (again.status, again.json) == (201, first.json)
    assert again.header("Idempotent-Replayed") == "true"

    other = api.post("/stock/TEA/receipts", {"quantity": 11}, Idempotency_Key="lorry 7")
    assert (other.status, other.code) == (409, "receipt_already_recorded")
    assert other.faults == [("/quantity", "receipt_already_recorded")]
    assert api.stored() == before


def test_a_receipt_is_corrected(api: Api) -> None:
    receipt = api.receive("TEA", 100)

    body = {"event_id": receipt, "quantity": 10, "reason": "a nought too many"}
    answer = api.post("/stock/TEA/corrections", body, If_Match="2")

    assert answer.status == 200
    assert answer.json == {"sku": "TEA", "on_hand": 10, "reserved": 0, "available": 10, "version": 3}
    assert answer.header("Consistency-Token") == "Inventory:3"


def test_what_cannot_be_corrected_is_refused(api: Api) -> None:
    receipt = api.receive("TEA", 100)
    before = api.stored()
    body = {"event_id": receipt, "quantity": 10, "reason": "a nought too many"}

    unknown = api.post("/stock/TEA/corrections", {**body, "event_id": "other"})
    assert (unknown.status, unknown.code) == (404, "receipt_not_found")
    assert unknown.faults == [("/event_id", "receipt_not_found")]
    never = api.post("/stock/COFFEE/corrections", body)
    assert (never.status, never.code) == (404, "product_not_found")
    stale = api.post("/stock/TEA/corrections", body, If_Match="1")
    assert (stale.status, stale.code) == (412, "version_conflict")
    assert api.stored() == before


@pytest.mark.parametrize("sku", ["a/b", "a//b", "a/", "A.b_c:d-e", "receipts", "a/receipts", "S" * 64])
def test_a_sku_may_hold_slashes(api: Api, idle: ByHand, sku: str) -> None:
    assert api.post(f"/stock/{sku}/receipts", {"quantity": 1}).json["sku"] == sku
    idle.level()
    assert api.get(f"/stock/{sku}").json["sku"] == sku
    assert api.get(f"/stock/{sku.replace('/', '%2F')}").json["sku"] == sku


@pytest.mark.parametrize("sku", ["S" * 65, "-a", "a b", "a%00", "t%C3%A9", "%EF%BF%BE", "%F0%9F%AB%96"])
def test_what_is_no_sku_is_refused(api: Api, sku: str) -> None:
    answer = api.post(f"/stock/{sku}/receipts", {"quantity": 1})
    assert (answer.status, answer.code) == (422, "invalid_sku")
    assert answer.faults == [("/sku", "invalid_sku")]
    assert api.stored()["Inventory"] is None
    shown = api.get(f"/stock/{sku}")
    assert (shown.status, shown.code) == (404, "product_not_found")


def test_a_reader_right_after_a_write_sees_it(live_api: Api) -> None:
    for quantity in range(1, 6):
        live_api.receive("TEA", 1)
        assert live_api.get("/stock/TEA").json["on_hand"] == quantity


def test_all_products_are_listed_by_sku(live_api: Api) -> None:
    for sku in ("B", "C", "A"):
        token = live_api.post(f"/stock/{sku}/receipts", {"quantity": 1}).header("Consistency-Token")
    assert token is not None
    page = live_api.get("/stock?limit=2", Consistency_Token=token).json
    assert [item["sku"] for item in page["items"]] == ["A", "B"]
    rest = live_api.get(f"/stock?limit=2&cursor={page['next_cursor']}").json
    assert [item["sku"] for item in rest["items"]] == ["C"]
    assert rest["next_cursor"] is None


def test_the_payment_of_an_order(live_api: Api, live: UnderOurRunner) -> None:
    live_api.receive()
    order = live_api.placed()
    live.settle()
    assert live_api.get(f"/payments/{order}").json == {
        "order_id": order,
        "status": "COMPLETED",
        "currency": "USD",
        "amount": "9.00",
        "refunded": "0.00",
    }


@pytest.mark.parametrize("order", ["nonsense", "7d3b2c14-9e55-4a0e-8a61-f0b8a3a1c0de"])
def test_what_has_no_payment_is_not_found(live_api: Api, order: str) -> None:
    answer = live_api.get(f"/payments/{order}")
    assert answer.status == 404
    assert answer.code in ("order_not_found", "payment_not_found")


def test_a_product_that_no_address_leads_to_is_found_by_a_parameter(api: Api, idle: ByHand) -> None:
    """An earlier release took its name, which clients resolve to another one."""
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr("domain.inventory.stock_item.check_new_sku", lambda sku: sku)
        api.receive("A/../B", 3)
    api.receive("B", 5)
    idle.settle()
    assert [item["sku"] for item in api.get("/stock?sku=A/../B").json["items"]] == ["A/../B"]
    assert api.get("/stock?sku=C").json["items"] == []
    refused = api.post("/stock/A%2F..%2FB/receipts", {"quantity": 1})
    assert (refused.status, refused.code) == (422, "invalid_sku")
