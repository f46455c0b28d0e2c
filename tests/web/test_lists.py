"""Lists over HTTP: filtered, sorted, paged while orders come in, and never older than one's own write."""

import base64
import json
from collections import Counter

import pytest

from tests.support.clocks import StandingClock
from tests.support.ways import ByHand, UnderOurRunner
from tests.web.api import TEA, Api

SORTS = ["created_at", "-created_at", "total", "-total", "customer_id", "-customer_id", "status", "-status"]


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_is_paged_once_while_new_ones_come_in(
    api: Api, idle: ByHand, clock: StandingClock, sort: str
) -> None:
    customers = ["ada", "bob", "z\u00a0é", "天", "a\u00a0b"]
    placed = []
    for number in range(23):
        price = {"unit_price": f"{number % 4 + 1}.00"}
        placed.append(api.placed({**TEA, **price}, customer_id=customers[number % 5]))
        clock.put_forward(number % 3)
    idle.settle()

    seen: list[dict[str, str]] = []
    cursor = ""
    while True:
        page = api.get(f"/orders?sort={sort}&limit=5{cursor}").json
        seen += page["items"]
        assert len(page["items"]) <= 5
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        if len(seen) < 30:
            api.placed({**TEA, "unit_price": "2.00"}, customer_id="bob")
            clock.put_forward(1)
            idle.settle()

    times = Counter(order["order_id"] for order in seen)
    assert set(times.values()) == {1}
    assert set(placed) <= set(times)
    key = sort.removeprefix("-")
    keys = [float(order[key]) if key == "total" else order[key] for order in seen]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


def test_orders_are_filtered(api: Api, idle: ByHand, clock: StandingClock) -> None:
    api.receive("TEA", 4)
    first = api.placed(customer_id="ada")
    clock.put_forward(3600)
    second = api.placed(customer_id="bob")
    declined = api.placed(customer_id="bob", payment_method="pm_declined")
    idle.settle()

    def found(query: str) -> set[str]:
        return {order["order_id"] for order in api.get(f"/orders?{query}").json["items"]}

    assert found("") == {first, second, declined}
    assert found("status=CONFIRMED") == {first, second}
    assert found("status=CANCELLED&customer_id=bob") == {declined}
    assert found("customer_id=nobody") == set()
    assert found("created_to=2024-05-17T13:00:00Z") == {first}
    assert found("created_from=2024-05-17T13:00:00Z") == {second, declined}
    assert found(
        "created_from=2024-05-17T15:00:00+02:00&created_to=2024-05-17T13:00:00.000001Z&sort=total"
    ) == {
        second,
        declined,
    }
    assert found("created_from=0999-01-01T00:00:00Z") == {first, second, declined}
    row = next(o for o in api.get("/orders").json["items"] if o["order_id"] == declined)
    assert row["cancel_reason"].startswith("payment declined")
    assert row["payment_status"] == "DECLINED"


def _cursor(*key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=many",
        "limit=",
        "limit=1&limit=2",
        "limit=9999999999999999",
        "status=LOST",
        "status=",
        "sort=price",
        "sort=--created_at",
        "sort=created_at;drop",
        "customer_id=",
        "customer_id=" + "a" * 129,
        "created_from=now",
        "created_to=2024-05-17",
        "cursor=",
        "cursor=nonsense",
        "cursor=" + "A" * 10_000,
        "cursor=" + _cursor("-created_at", 7, "x"),
        "cursor=" + _cursor("-created_at", "x"),
        "cursor=" + _cursor("-created_at", "a\x00b", "x"),
        "cursor=" + _cursor("-created_at", "\ud800", "x"),
        "sort=total&cursor=" + _cursor("total", 2**70, "x"),
        "cursor=" + base64.urlsafe_b64encode(b"[" * 9000).decode(),
        "page=2",
        "Status=CREATED",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    answer = api.get(f"/orders?{query}")
    assert answer.status == 400
    assert answer.code in ("invalid_query", "unknown_parameter")
    name = query.partition("=")[0] if "cursor" not in query else "cursor"
    assert answer.json["errors"][0]["pointer"] == f"/{name}"


def test_parameters_that_are_not_there_are_refused_everywhere(api: Api) -> None:
    order = api.placed()
    for path in (f"/orders/{order}", f"/orders/{order}/events", f"/orders/{order}/fulfilment"):
        assert api.get(f"{path}?verson=1").code == "unknown_parameter"
    for path in ("/stock", "/stock/TEA", f"/payments/{order}", "/fulfilments"):
        assert api.get(f"{path}?version=1").code == "unknown_parameter"


def test_fulfilments_are_listed_by_status(api: Api, idle: ByHand) -> None:
    api.receive("TEA", 2)
    done, failed = api.placed(), api.placed(payment_method="pm_declined")
    idle.settle()

    def found(query: str) -> list[str]:
        return [row["order_id"] for row in api.get(f"/fulfilments?{query}").json["items"]]

    assert set(found("")) == {done, failed}
    assert found("status=COMPLETED") == [done]
    assert api.get("/fulfilments?status=LOST").code == "invalid_query"
    page = api.get("/fulfilments?limit=1").json
    rest = api.get(f"/fulfilments?limit=1&cursor={page['next_cursor']}").json
    assert {page["items"][0]["order_id"], rest["items"][0]["order_id"]} == {done, failed}


class TestReadingOnesOwnWrites:
    def test_a_list_that_brings_the_token_has_the_write(self, live_api: Api) -> None:
        for _ in range(20):
            placed = live_api.place()
            token = placed.header("Consistency-Token")
            assert token is not None
            listed = live_api.get("/orders?limit=500", Consistency_Token=token).json["items"]
            assert placed.json["order_id"] in {order["order_id"] for order in listed}

    def test_a_read_model_that_is_behind_says_so(self, api: Api, idle: ByHand) -> None:
        token = api.place().header("Consistency-Token")
        assert token is not None

        answer = api.get("/orders", Consistency_Token=token)
        assert (answer.status, answer.code) == (503, "read_model_behind")
        assert answer.header("Retry-After") == "1"
        assert api.get("/orders").json["items"] == []

        idle.level()
        assert len(api.get("/orders", Consistency_Token=token).json["items"]) == 1

    def test_stock_that_is_behind_says_so(self, api: Api, idle: ByHand) -> None:
        token = api.post("/stock/TEA/receipts", {"quantity": 1}).header("Consistency-Token")
        assert token is not None
        for path in ("/stock", "/stock/TEA"):
            assert api.get(path, Consistency_Token=token).code == "read_model_behind"
        idle.level()
        assert api.get("/stock/TEA", Consistency_Token=token).json["on_hand"] == 1

    def test_a_token_of_another_application_has_nothing_to_wait_for(self, api: Api) -> None:
        token = api.post("/stock/TEA/receipts", {"quantity": 1}).header("Consistency-Token")
        assert token is not None
        assert api.get("/orders", Consistency_Token=token).status == 200

    @pytest.mark.parametrize(
        "token", ["", "Orders", "Orders:", "Orders:-1", "Orders:1x", "orders:1", "Orders:١", "X:1"]
    )
    def test_what_is_no_token_is_refused(self, api: Api, token: str) -> None:
        answer = api.get("/orders", Consistency_Token=token)
        assert (answer.status, answer.code) == (400, "invalid_query")
        assert answer.faults == [("/Consistency-Token", "invalid_query")]

    def test_a_token_ahead_of_the_log_is_not_waited_for(self, api: Api) -> None:
        answer = api.get("/stock", Consistency_Token="Orders:7")
        assert (answer.status, answer.faults) == (400, [("/Consistency-Token", "invalid_query")])

    def test_the_token_of_a_replay_is_seen_as_well(self, live_api: Api, live: UnderOurRunner) -> None:
        live_api.place(key="k")
        live.settle()
        token = live_api.place(key="k").header("Consistency-Token")
        assert token is not None
        assert live_api.get("/orders", Consistency_Token=token).status == 200


def test_a_cursor_belongs_to_the_sort_that_it_was_made_for(api: Api, idle: ByHand) -> None:
    api.receive()
    for _ in range(3):
        api.placed()
    idle.settle()
    cursor = api.get("/orders?sort=-created_at&limit=1").json["next_cursor"]
    for sort in ("created_at", "-total", "customer_id"):
        answer = api.get(f"/orders?sort={sort}&limit=1&cursor={cursor}")
        assert (answer.status, answer.code) == (400, "invalid_query")
        assert answer.faults == [("/cursor", "invalid_query")]
    assert api.get(f"/orders?limit=1&cursor={cursor}").status == 200
