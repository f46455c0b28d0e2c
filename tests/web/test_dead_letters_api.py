"""The dead-letter desk over HTTP."""

from typing import Any

import pytest

from tests.support.poison import Poison, short_pauses
from tests.support.ways import ByHand
from tests.web.api import Api

__all__ = ["short_pauses"]

DESK = "/operations/dead-letters"


@pytest.fixture
def poison(api: Api, idle: ByHand) -> Poison:
    """The list of orders cannot bear a completed payment; two orders came to that."""
    poison = Poison(api.orderwright.dashboard, lambda event: type(event).__qualname__ == "Payment.Completed")
    api.receive()
    for _ in range(2):
        api.placed()
    idle.settle()
    return poison


def cases(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"{DESK}{query}")
    assert answer.status == 200, answer.json
    return list(answer.json["items"])


def test_a_case_says_what_where_why_and_what_waits(api: Api, poison: Poison) -> None:
    first, second = cases(api)
    assert set(first) == {
        *("case_id", "kind", "where", "what", "sequence", "order_id", "error", "attempts", "first_at"),
        *("last_at", "leader", "position", "stream_id", "stream_version", "held_back", "waits_behind"),
        "waiting",
    }
    assert (first["kind"], first["where"], first["what"]) == (
        "projection",
        "OrderDashboard",
        "Payment.Completed",
    )
    assert first["waiting"] == {
        "money": "9.00",
        "currency": "USD",
        "stock": [{"sku": "TEA", "quantity": 2}],
    }
    assert (first["attempts"], first["error"]) == (3, "ValueError: cannot bear Completed")
    assert cases(api, f"?order={second['order_id']}&kind=projection&follower=OrderDashboard") == [second]
    assert cases(api, "?error=bear%20COMPLETED") == [first, second]
    assert cases(api, "?since=2030-01-01T00:00:00Z") == cases(api, "?kind=saga") == []
    page = api.get(f"{DESK}?limit=1").json
    assert page["items"] == [first]
    assert cases(api, f"?cursor={page['next_cursor']}") == [second]

    shown = api.get(f"{DESK}/{first['case_id']}").json
    assert shown["event"]["payload"]["order_id"] == first["order_id"]
    assert len(shown["held_back_events"]) == first["held_back"] > 0
    behind = api.get(f"{DESK}/{shown['held_back_events'][0]['case_id']}").json
    assert behind["waits_behind"] == first["case_id"]


def test_a_case_is_tried_out_then_retried_with_who_and_why(api: Api, poison: Poison) -> None:
    case = cases(api)[0]
    path = f"{DESK}/{case['case_id']}/retry"
    before = api.stored()
    would = api.post(path, {"dry_run": True, "sequence": True}).json
    assert would["events"][0]["error"] == "ValueError: cannot bear Completed"
    assert would["would_still_wait"] == case["held_back"] + 1
    failed = api.post(path, {"reason": "perhaps now"}, X_User="opal")
    assert failed.status == 200
    assert failed.json["events"] == [
        {
            "case_id": case["case_id"],
            "what": "Payment.Completed",
            "result": "failed",
            "error": "ValueError: cannot bear Completed",
        }
    ]
    poison.cure()
    would = api.post(path, {"dry_run": True}).json
    assert would["events"][0]["rows"] == [
        {
            "table": "order_dashboard",
            "key": {"order_id": case["order_id"]},
            "is_new": False,
            "columns": {"payment_status": {"from": "REQUESTED", "to": "COMPLETED"}},
            "is_removed": False,
        }
    ]
    body = {"sequence": True, "reason": "fixed in 1.4"}
    done = api.post(path, body, X_User="opal", Idempotency_Key="r-1")
    assert (done.json["still_waiting"], done.json["replayed"]) == (0, False)
    stored = api.stored()
    again = api.post(path, body, X_User="opal", Idempotency_Key="r-1")
    assert again.header("Idempotent-Replayed") == "true"
    assert again.json["events"] == done.json["events"]
    assert (api.stored(), stored == before) == (stored, False)
    row = next(row for row in api.get("/orders").json["items"] if row["order_id"] == case["order_id"])
    assert (row["status"], row["payment_status"]) == ("CONFIRMED", "COMPLETED")
    trail = api.get(f"/orders/{case['order_id']}/events").json["events"]
    done_by_opal = [(event["type"], event["payload"]["reason"]) for event in trail if event["user"] == "opal"]
    assert done_by_opal[0] == ("ParkingLot.RetryFailed", "perhaps now")
    assert set(done_by_opal[1:]) == {("ParkingLot.EventRetried", "fixed in 1.4")}
    assert api.post(path, {}).code == "case_not_found"


def test_all_that_match_are_counted_then_retried(api: Api, poison: Poison) -> None:
    before = api.stored()
    preview = api.post(f"{DESK}/retry", {"filters": {"kind": "projection"}, "preview": True}).json
    assert (preview["preview"], preview["matching"], preview["cured"]) == (True, 2, 0)
    assert api.stored() == before
    failed = api.post(f"{DESK}/retry", {"filters": {}}).json
    assert (failed["failed"], len(failed["failures"])) == (2, 2)
    poison.cure()
    page = api.post(f"{DESK}/retry", {"filters": {"error": "cannot bear"}, "limit": 1}).json
    assert (page["matching"], page["cured"], page["next_cursor"] is None) == (2, 1, False)
    rest = api.post(f"{DESK}/retry", {"filters": {}, "cursor": page["next_cursor"], "reason": "fixed"}).json
    assert (rest["matching"], rest["cured"], rest["next_cursor"]) == (1, 1, None)
    assert cases(api) == []


def test_an_event_is_given_up_with_a_reason(api: Api, poison: Poison) -> None:
    case = cases(api)[0]
    path = f"{DESK}/{case['case_id']}/discard"
    done = api.post(path, {"reason": "it never was an order"}, X_User="opal", Idempotency_Key="d-1")
    assert (done.json["events"][0]["result"], done.json["still_waiting"]) == ("discarded", case["held_back"])
    again = api.post(path, {"reason": "it never was an order"}, X_User="opal", Idempotency_Key="d-1")
    assert again.header("Idempotent-Replayed") == "true"
    assert cases(api)[0]["held_back"] == case["held_back"] - 1


def test_what_the_desk_refuses(api: Api, poison: Poison) -> None:
    case = cases(api)[0]
    path = f"{DESK}/{case['case_id']}"
    behind = api.get(path).json["held_back_events"][0]["case_id"]
    before = api.stored()
    for action, body in (("retry", {}), ("retry", {"dry_run": True}), ("discard", {"reason": "x"})):
        answer = api.post(f"{DESK}/{behind}/{action}", body)
        assert (answer.status, answer.code) == (409, "earlier_event_waits")
        assert case["case_id"] in answer.json["detail"]
        answer = api.post(f"{DESK}/nothing/{action}", body)
        assert (answer.status, answer.code) == (404, "case_not_found")
    assert api.get(f"{DESK}/nothing").code == "case_not_found"
    assert api.get(f"{DESK}/a/b").code == "unknown_route"
    assert api.post(f"{path}/discard", {}).faults == [("/reason", "missing_field")]
    assert api.post(f"{path}/discard", {"reason": ""}).faults == [("/reason", "invalid_length")]
    assert api.post(f"{path}/discard", {"reason": "x" * 501}).status == 422
    assert api.post(f"{path}/retry", {"sequence": "yes"}).faults == [("/sequence", "wrong_type")]
    assert api.post(f"{DESK}/retry", {}).faults == [("/filters", "missing_field")]
    for name, value in (("kind", "ghost"), ("follower", "Ghost"), ("order", "o-1")):
        for answer in (
            api.get(f"{DESK}?{name}={value}"),
            api.post(f"{DESK}/retry", {"filters": {name: value}}),
        ):
            assert (answer.status, answer.code, answer.faults[0][0]) == (400, "invalid_query", f"/{name}")
    for query, pointer in (("limit=0", "/limit"), ("cursor=x", "/cursor"), ("since=soon", "/since")):
        assert api.get(f"{DESK}?{query}").faults == [(pointer, "invalid_query")]
    assert api.get(f"{DESK}?colour=red").faults == [("/colour", "unknown_parameter")]
    assert api.stored() == before
