"""Any aggregate as it was, and an order as a tree of causes, over HTTP."""

from datetime import timedelta

import pytest

from tests.support.clocks import StandingClock
from tests.support.ways import ByHand
from tests.web.api import Api


@pytest.fixture
def order(api: Api, idle: ByHand, clock: StandingClock) -> str:
    """An order that is confirmed a minute after noon, and another of its product."""
    api.receive()
    order = api.placed()
    clock.put_forward(60)
    api.placed()
    idle.settle()
    return order


def test_a_past_state_is_shown_with_the_event_that_made_it(api: Api, order: str) -> None:
    past = api.get(f"/history/order:{order}?version=1").json

    assert (past["aggregate"], past["application"], past["stream_id"]) == ("Order", "Orders", order)
    assert (past["version"], past["latest_version"], past["is_latest"], past["as_of"]) == (1, 2, False, None)
    assert (past["state"]["status"], past["event"]["type"]) == ("CREATED", "Order.Created")
    assert past["state"]["total"] == {"amount": "9.00", "currency": "USD"}
    latest = api.get(f"/history/{order}").json
    assert (latest["state"]["status"], latest["is_latest"]) == ("CONFIRMED", True)


def test_a_past_state_is_shown_as_of_a_moment(api: Api, order: str, clock: StandingClock) -> None:
    before = (clock.now - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    past = api.get(f"/history/order:{order}?as_of={before}").json

    assert (past["version"], past["as_of"]) == (1, before.replace("Z", ".000000Z"))
    assert api.get(f"/history/order:{order}?as_of=2999-01-01T00:00:00Z").json["version"] == 2


def test_a_difference_is_told_between_versions_and_moments(
    api: Api, order: str, clock: StandingClock
) -> None:
    now = clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    found = api.get(f"/history/order:{order}/diff?from=1&to={now}").json

    assert found["changes"][0] == {
        "field": "status",
        "change": "changed",
        "before": "CREATED",
        "after": "CONFIRMED",
    }
    assert ([event["type"] for event in found["events"]], found["events_left_out"]) == (
        ["Order.Confirmed"],
        0,
    )
    assert (found["from_version"], found["to_version"]) == (1, 2)


def test_a_product_with_slashes_has_a_history(api: Api) -> None:
    api.post("/stock/A/B/receipts", {"quantity": 3})

    assert api.get("/history/stock:A/B").json["state"]["on_hand"] == 3
    assert api.get("/history/A/B/diff?from=1&to=2").json["changes"][0]["field"] == "on_hand"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("order:{order}?version=3", 404, "not_in_history"),
        ("order:{order}?version=0", 404, "not_in_history"),
        ("order:{order}?as_of=2020-01-01T00:00:00Z", 404, "not_in_history"),
        ("order:web-9", 404, "stream_not_found"),
        ("nothing", 404, "stream_not_found"),
        ("order:{order}?version=1&as_of=2024-05-17T12:00:00Z", 400, "invalid_query"),
        ("order:{order}?version=x", 400, "invalid_query"),
        ("order:{order}?at=1", 400, "unknown_parameter"),
        ("order:{order}/diff?from=2&to=1", 400, "invalid_query"),
        ("order:{order}/diff?from=1", 400, "invalid_query"),
        ("order:{order}/diff?from=1&to=soon", 400, "invalid_query"),
    ],
)
def test_what_cannot_be_shown_is_refused(api: Api, order: str, path: str, status: int, code: str) -> None:
    answer = api.get(f"/history/{path.format(order=order)}")

    assert (answer.status, answer.code) == (status, code)


def test_an_order_is_shown_as_a_tree(api: Api, order: str) -> None:
    tree = api.get(f"/orders/{order}/tree").json

    (root,) = tree["roots"]
    assert (tree["order_id"], tree["events"], tree["left_out"]) == (order, len(root["events"]), 0)
    assert root["kind"] == "command"
    first, second = root["events"][:2]
    assert (first["type"], first["depth"], first["seconds"]) == ("Order.Created", 1, None)
    assert (second["depth"], second["causation_id"]) == (2, first["event_id"])
    assert api.get("/orders/00000000-0000-5000-8000-000000000001/tree").code == "order_not_found"
    assert api.get(f"/orders/{order}/tree?limit=1").code == "unknown_parameter"


def test_who_names_a_version_and_a_moment_is_told_which_field_is_too_much(api: Api, order: str) -> None:
    answer = api.get(f"/history/order:{order}?version=1&as_of=2024-05-17T12:00:00Z")

    (error,) = answer.json["errors"]
    assert (error["pointer"], error["detail"]) == ("/as_of", "version and as_of exclude each other")
