"""Stock that is held for nobody, over HTTP: looked at, released with a reason, refused with a code."""

import pytest

from tests.support.planting import NOBODY, pass_over, plant_reservation
from tests.support.ways import ByHand
from tests.web.api import Api

HELD = f"/operations/reservations/{NOBODY}"


@pytest.fixture
def orphan(api: Api, idle: ByHand) -> None:
    """Three pieces that are held for an order that does not exist."""
    api.receive()
    plant_reservation(idle.orderwright, NOBODY, "TEA", 3)
    pass_over(idle.orderwright)


def test_it_is_looked_at_and_released_once(api: Api, orphan: None) -> None:
    seen = api.get(HELD)
    assert (seen.status, seen.json["can_be_released"], seen.json["released"]) == (200, True, False)
    assert seen.json["lines"] == [{"sku": "TEA", "quantity": 3}]

    assert api.post(f"{HELD}/release", {"reason": "counted"}).json["released"] is True
    again = api.post(f"{HELD}/release", {"reason": "counted"})
    assert (again.status, again.json["released"], again.json["status"]) == (200, False, "RELEASED")


def test_it_needs_a_reason(api: Api, orphan: None) -> None:
    refused = api.post(f"{HELD}/release", {})
    assert (refused.status, refused.code) == (400, "missing_field")
    assert api.get(HELD).json["status"] == "HELD"


def test_what_an_order_needs_is_refused(api: Api, idle: ByHand) -> None:
    api.receive()
    order = api.placed()
    idle.settle()
    refused = api.post(f"/operations/reservations/{order}/release", {"reason": "counted"})
    assert (refused.status, refused.code) == (409, "reservation_in_use")
    assert "needs it" in refused.json["detail"]


def test_an_order_without_a_reservation(api: Api) -> None:
    assert (api.get(HELD).status, api.get(HELD).code) == (404, "reservation_not_found")


def test_who_holds_a_product(api: Api, idle: ByHand) -> None:
    api.receive()
    orders = [api.placed(), api.placed()]
    idle.settle()
    page = api.get("/operations/reservations?sku=TEA&limit=1").json
    assert [(one["order_id"] in orders, one["order_status"]) for one in page["items"]] == [
        (True, "CONFIRMED")
    ]
    rest = api.get(f"/operations/reservations?sku=TEA&cursor={page['next_cursor']}").json
    assert {one["order_id"] for one in (*page["items"], *rest["items"])} == set(orders)
    assert rest["next_cursor"] is None
    assert api.get("/operations/reservations").code == "invalid_query"
    assert api.get("/operations/reservations?sku=COFFEE").code == "product_not_found"
