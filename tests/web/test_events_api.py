"""Stored events over HTTP: what is found, and what a search may not ask."""

import base64
import json
from collections.abc import Sequence

import pytest

from tests.web.api import Api


def cursor(*key: object) -> str:
    """A cursor with a key of one's own making."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def test_events_are_searched_and_paged(api: Api) -> None:
    api.receive()
    orders = [api.placed() for _ in range(5)]

    found = api.get(f"/events?correlation_id={orders[2]}").json
    assert found["next_cursor"] is None
    (event,) = found["items"]
    trail = api.get(f"/orders/{orders[2]}/events").json["events"]
    assert [event] == [{**one, "error": None} for one in trail]
    assert [
        one["stream_id"] for one in api.get("/events?type=Order.Created,Order.Confirmed").json["items"]
    ] == orders
    assert api.get("/events?application=Inventory,Orders&type=Order.Cancelled").json["items"] == []
    since = event["recorded_at"].replace("+", "%2B")
    assert len(api.get(f"/events?since={since}&application=Orders").json["items"]) == 5
    assert api.get(f"/events?until={since}").json["items"] == []

    page = api.get("/events?application=Orders&after=1&limit=2").json
    assert [one["position"] for one in page["items"]] == [2, 3]
    api.placed()
    query = f"/events?application=Orders&after=1&limit=3&cursor={page['next_cursor']}"
    assert [one["position"] for one in api.get(query).json["items"]] == [4, 5, 6]


def test_users_are_found_by_their_names_in_any_script(api: Api) -> None:
    name = "Zoë 天"
    api.place(key="k")
    api.post("/stock/TEA/receipts", {"quantity": 1}, X_User=name.encode().decode("latin-1"))
    found = api.get("/events?user=Zo%C3%AB%20%E5%A4%A9").json["items"]
    assert {event["user"] for event in found} == {name}
    assert {event["application"] for event in found} == {"Inventory"}


REFUSED: list[tuple[str, str, Sequence[str]]] = [
    ("application=Order", "/application", ["application: 'Order'", "Inventory, ", "Orders"]),
    ("application=", "/application", ["application: ''"]),
    ("application=Orders,,Payments", "/application", ["application: ''"]),
    ("type=Order.Gone", "/type", ["type: 'Order.Gone'", "Order.Cancelled, Order.Confirmed, Order.Created"]),
    ("type=os.system", "/type", ["type: 'os.system'", "Order.*", "Payment.*"]),
    ("type=order.created", "/type", ["type: 'order.created'", "Order.*"]),
    ("since=yesterday", "/since", ["RFC 3339"]),
    ("until=2024-05-17", "/until", ["RFC 3339"]),
    ("since=2024-05-17T12:00:00", "/since", ["offset"]),
    ("user=", "/user", ["empty"]),
    ("user=a%00b", "/user", ["control characters"]),
    ("correlation_id=" + "x" * 256, "/correlation_id", ["longer than 255"]),
    ("after=1", "/after", ["exactly one application"]),
    ("application=Orders,Payments&after=1", "/after", ["exactly one application"]),
    ("application=Orders&after=-1", "/after", ["whole number"]),
    ("application=Orders&after=1e3", "/after", ["whole number"]),
    ("limit=0", "/limit", ["1 to 500"]),
    ("limit=501", "/limit", ["1 to 500"]),
    ("cursor=x", "/cursor", ["cursor"]),
    (f"cursor={cursor('Orders', -1)}", "/cursor", ["cursor"]),
    (f"cursor={cursor('Orders', 2**63 - 1)}", "/cursor", ["cursor"]),
    (f"cursor={cursor('Orders', '1')}", "/cursor", ["cursor"]),
    ("type=Order.Created&type=Order.Confirmed", "/type", ["given once"]),
]


@pytest.mark.parametrize(("query", "pointer", "words"), REFUSED, ids=[query[:40] for query, _, _ in REFUSED])
def test_what_a_search_may_not_ask(api: Api, query: str, pointer: str, words: Sequence[str]) -> None:
    answer = api.get(f"/events?{query}")
    assert (answer.status, answer.code) == (400, "invalid_query")
    assert answer.faults == [(pointer, "invalid_query")]
    assert all(word in answer.json["errors"][0]["detail"] for word in words), answer.json


def test_a_parameter_that_there_is_not_is_named(api: Api) -> None:
    assert api.get("/events?correlation=1").faults == [("/correlation", "unknown_parameter")]


def test_a_cursor_of_another_list_of_applications_still_leads_on(api: Api) -> None:
    api.receive()
    api.placed()
    rest = api.get(f"/events?cursor={cursor('Nothing', 7)}").json["items"]
    assert {event["application"] for event in rest} == {"Orders"}


def test_the_catalogue_names_every_kind_with_what_is_stored(api: Api) -> None:
    api.placed()
    api.placed()

    found = api.get("/events/catalogue").json

    assert found["is_complete"]
    assert found["strange"] == []
    created = next(kind for kind in found["kinds"] if kind["type"] == "Order.Created")
    assert created["says"].startswith("A customer placed an order.")
    assert created["recorded_by"] == ["Orders"]
    assert created["consumers"] == {
        "handled_by": ["OrderFulfilment", "OrderDashboard"],
        "ignored_by": [],
        "audit": "handles",
        "explain": "handles",
    }
    assert [(one["version"], one["events"]) for one in created["versions"]] == [(2, 2), (1, 0)]
    assert created["versions"][0]["first_at"] == created["versions"][0]["last_at"]
    assert {"name": "currency", "type": "text", "unit": "code of ISO 4217", "is_optional": False} in created[
        "fields"
    ]


def test_one_request_counts_so_many_events_and_the_next_goes_on(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.events.COUNTED_AT_ONCE", 1)
    api.placed()
    api.placed()
    found = api.get("/events/catalogue").json
    assert not found["is_complete"]
    assert {"application": "Orders", "position": 1, "head": 2} in found["counted"]
