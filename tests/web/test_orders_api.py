"""Orders over HTTP: placed once, looked up now and then, cancelled once."""

import pytest

from domain.shared.ids import order_id_from_ref
from tests.support.clocks import StandingClock
from tests.support.ways import UnderOurRunner
from tests.web.api import TEA, Api, an_order

NOBODY = "7d3b2c14-9e55-4a0e-8a61-f0b8a3a1c0de"


def test_an_order_is_placed(api: Api) -> None:
    answer = api.place(TEA, {"sku": "JAR", "quantity": 1, "unit_price": "0"}, order_ref="web-1")

    assert answer.status == 201
    order = answer.json
    assert answer.header("Location") == f"/api/v1/orders/{order['order_id']}"
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Consistency-Token") == "Orders:1"
    assert answer.header("ETag") == '"1"'
    assert answer.header("Idempotent-Replayed") is None
    assert order == {
        "order_id": order["order_id"],
        "order_ref": "web-1",
        "customer_id": "ada",
        "status": "CREATED",
        "currency": "USD",
        "total": "9.00",
        "items": [
            {"sku": "TEA", "quantity": 2, "unit_price": "4.50"},
            {"sku": "JAR", "quantity": 1, "unit_price": "0.00"},
        ],
        "version": 1,
        "created_at": "2024-05-17T12:00:00.000000Z",
        "confirmed_at": None,
        "cancelled_at": None,
        "cancel_reason": None,
    }
    assert api.get(f"/orders/{order['order_id']}").json == order


@pytest.mark.parametrize("price", ['"4.5"', "4.5", "4.50000", "45e-1", "0.45E+1"])
def test_a_price_is_exact_as_text_and_as_a_number(api: Api, price: str) -> None:
    body = (
        '{"customer_id":"ada","currency":"USD","payment_method":"pm_ok",'
        f'"items":[{{"sku":"TEA","quantity":2,"unit_price":{price}}}]}}'
    )
    assert api.post_raw("/orders", body).json["total"] == "9.00"


def test_what_binary_floats_cannot_hold_is_kept(api: Api) -> None:
    answer = api.post_raw("/orders", _one_line(quantity=3, price="123456789012.01"))
    assert answer.json["total"] == "370370367036.03"


def test_an_order_may_have_500_lines_within_the_default_size(api: Api) -> None:
    line = {"sku": "S" * 64, "quantity": 1_000_000, "unit_price": "1999.99"}
    answer = api.place(*[line] * 500)
    assert answer.status == 201
    assert answer.json["total"] == "999995000000.00"


class TestSendingAgain:
    def test_the_same_key_gives_the_same_order_and_stores_nothing(self, api: Api) -> None:
        first = api.place(key="checkout 17")
        before = api.stored()

        again = api.place(key="checkout 17")

        assert again.status == 201
        assert again.json == first.json
        assert again.header("Location") == first.header("Location")
        assert again.header("Idempotent-Replayed") == "true"
        assert again.header("Consistency-Token") == "Orders:1"
        assert api.stored() == before

    def test_the_same_key_for_another_order_is_a_contradiction(self, api: Api) -> None:
        api.place(key="checkout 17")
        before = api.stored()

        answer = api.place(key="checkout 17", customer_id="bob")

        assert (answer.status, answer.code) == (409, "idempotency_key_reused")
        assert api.stored() == before

    def test_the_same_reference_without_a_key_gives_the_same_order(self, api: Api) -> None:
        first = api.place(order_ref="web-1")
        again = api.place(order_ref="web-1")
        assert again.json == first.json
        assert again.header("Idempotent-Replayed") == "true"

        other = api.place(order_ref="web-1", currency="EUR")
        assert (other.status, other.code) == (409, "order_ref_taken")
        assert other.faults == [("/order_ref", "order_ref_taken")]

    @pytest.mark.parametrize("keys", [("a", "b"), ("a", None), (None, "b")])
    def test_a_reference_has_one_order_whatever_the_keys(
        self, api: Api, keys: tuple[str | None, str | None]
    ) -> None:
        first = api.place(order_ref="web-1", key=keys[0])
        before = api.stored()

        again = api.place(order_ref="web-1", key=keys[1])
        other = api.place(order_ref="web-1", key=keys[1], customer_id="bob")

        assert (again.status, again.json) == (201, first.json)
        assert again.header("Idempotent-Replayed") == "true"
        assert again.header("Location") == first.header("Location")
        assert (other.status, other.code) == (409, "order_ref_taken")
        assert other.faults == [("/order_ref", "order_ref_taken")]
        assert api.stored() == before
        assert len(api.get("/orders").json["items"]) <= 1

    def test_what_claims_a_reference_is_no_order(self, api: Api) -> None:
        api.place(order_ref="web-1", key="a")
        claim = order_id_from_ref("web-1")

        for path in ("", "/events", "/fulfilment", "?version=1", "?as_of=2030-01-01T00:00:00Z"):
            answer = api.get(f"/orders/{claim}{path}")
            assert (answer.status, answer.code) == (404, "order_not_found"), path

    @pytest.mark.parametrize("key", ["", "k" * 256, "grün", "tab\tbed"])
    def test_a_key_is_printable_and_short(self, api: Api, key: str) -> None:
        answer = api.place(key=key)
        assert (answer.status, answer.code) == (400, "invalid_header")
        assert answer.faults == [("/Idempotency-Key", "invalid_header")]
        assert api.stored()["Orders"] is None

    def test_the_longest_key_will_do(self, api: Api) -> None:
        assert api.place(key="k" * 255).status == 201


class TestCancelling:
    def test_an_order_is_cancelled_once(self, api: Api) -> None:
        order = api.placed()

        answer = api.post(f"/orders/{order}/cancellation", {"reason": "changed my mind"})
        assert answer.status == 200
        assert answer.json["status"] == "CANCELLED"
        assert answer.json["cancel_reason"] == "changed my mind"
        assert answer.json["cancelled_at"] == "2024-05-17T12:00:00.000000Z"
        assert answer.json["version"] == 2
        assert answer.header("Consistency-Token") == "Orders:2"

        before = api.stored()
        again = api.post(f"/orders/{order}/cancellation", {"reason": "changed my mind"})
        assert (again.status, again.code) == (409, "order_already_cancelled")
        assert api.stored() == before

    def test_with_a_key_it_can_be_sent_again(self, api: Api) -> None:
        order = api.placed()
        path, body = f"/orders/{order}/cancellation", {"reason": "changed my mind"}
        first = api.post(path, body, Idempotency_Key="undo-1", If_Match="1")
        before = api.stored()

        again = api.post(path, body, Idempotency_Key="undo-1", If_Match="1")

        assert (again.status, again.json) == (200, first.json)
        assert again.header("Idempotent-Replayed") == "true"
        assert api.stored() == before
        assert api.post(path, body, Idempotency_Key="undo-2").code == "order_already_cancelled"
        other = api.post(path, {"reason": "too dear"}, Idempotency_Key="undo-1")
        assert (other.status, other.code) == (409, "idempotency_key_reused")
        assert api.stored() == before

    @pytest.mark.parametrize("seen", ["1", '"1"', "*"])
    def test_the_version_that_was_seen_may_be_named(self, api: Api, seen: str) -> None:
        order = api.placed()
        assert api.post(f"/orders/{order}/cancellation", {"reason": "no"}, If_Match=seen).status == 200

    def test_another_version_is_refused_and_both_are_told(self, api: Api) -> None:
        order = api.placed()
        before = api.stored()

        answer = api.post(f"/orders/{order}/cancellation", {"reason": "no"}, If_Match='"7"')

        assert (answer.status, answer.code) == (412, "version_conflict")
        assert answer.json["expected_version"] == 7
        assert answer.json["current_version"] == 1
        assert api.stored() == before

    @pytest.mark.parametrize("seen", ["", "one", "-1", '"1', 'W/"1"', '"1", "2"', "1" * 16, "١"])
    def test_what_is_no_version_is_refused(self, api: Api, seen: str) -> None:
        order = api.placed()
        answer = api.post(f"/orders/{order}/cancellation", {"reason": "no"}, If_Match=seen)
        assert (answer.status, answer.code) == (400, "invalid_header")

    def test_what_is_not_there_cannot_be_cancelled(self, api: Api) -> None:
        answer = api.post(f"/orders/{NOBODY}/cancellation", {"reason": "no"})
        assert (answer.status, answer.code) == (404, "order_not_found")


class TestTimeTravel:
    def test_an_order_at_each_version(self, api: Api) -> None:
        order = api.placed()
        api.post(f"/orders/{order}/cancellation", {"reason": "no"})

        assert api.get(f"/orders/{order}?version=1").json["status"] == "CREATED"
        assert api.get(f"/orders/{order}?version=2").json["status"] == "CANCELLED"
        for version in ("0", "3", "999999999999999"):
            answer = api.get(f"/orders/{order}?version={version}")
            assert (answer.status, answer.code) == (404, "order_not_found")
            assert answer.faults == [("/version", "order_not_found")]

    def test_an_order_as_of_a_moment(self, api: Api, clock: StandingClock) -> None:
        order = api.placed()
        clock.put_forward(3600)
        api.post(f"/orders/{order}/cancellation", {"reason": "no"})

        for moment, status in {
            "2024-05-17T12:00:00Z": "CREATED",
            "2024-05-17T12:59:59.999999999Z": "CREATED",
            "2024-05-17T14:59:59+02:00": "CREATED",  # the plus sign arrives as a blank
            "2024-05-17T14:59:59%2B02:00": "CREATED",
            "2024-05-17t13:00:00z": "CANCELLED",
            "9999-12-31T23:59:59Z": "CANCELLED",
        }.items():
            assert api.get(f"/orders/{order}?as_of={moment}").json["status"] == status, moment
        early = api.get(f"/orders/{order}?as_of=2024-05-17T11:59:59Z")
        assert (early.status, early.code) == (404, "order_not_found")

    @pytest.mark.parametrize(
        "query",
        [
            "version=1&as_of=2024-05-17T12:00:00Z",
            "version=1&version=2",
            "version=",
            "version=-1",
            "version=1.0",
            "version=1e3",
            "version=١",
            "version=1000000000000000",
            "as_of=yesterday",
            "as_of=2024-05-17",
            "as_of=2024-05-17T12:00:00",
            "as_of=2024-05-17T12:00:00.Z",
            "as_of=2024-13-17T12:00:00Z",
            "as_of=2024-05-17T24:00:01Z",
            "as_of=0001-01-01T00:00:00%2B23:59",
            "as_of=2024-05-17T12:00:00Z%00",
            "when=now",
        ],
    )
    def test_what_names_no_moment_is_refused(self, api: Api, query: str) -> None:
        order = api.placed()
        answer = api.get(f"/orders/{order}?{query}")
        assert answer.status == 400
        assert answer.code in ("invalid_query", "unknown_parameter")


@pytest.mark.parametrize("order", ["1", "nonsense", "%00", NOBODY, NOBODY.replace("-", ""), f"{{{NOBODY}}}"])
@pytest.mark.parametrize("rest", ["", "/events", "/fulfilment"])
def test_what_is_no_order_is_not_found(api: Api, order: str, rest: str) -> None:
    answer = api.get(f"/orders/{order}{rest}")
    assert (answer.status, answer.code) == (404, "order_not_found")


def test_an_order_id_may_be_written_in_capitals(api: Api) -> None:
    order = api.placed()
    assert api.get(f"/orders/{order.upper()}").json["order_id"] == order


def test_the_whole_story_of_an_order_can_be_read(live_api: Api, live: UnderOurRunner) -> None:
    live_api.receive("TEA", 10)
    placed = live_api.post(
        "/orders", an_order(), X_User="Zoë".encode().decode("latin-1"), Idempotency_Key="k"
    )
    order = placed.json["order_id"]
    live.settle()

    assert live_api.get(f"/orders/{order}").json["status"] == "CONFIRMED"
    fulfilment = live_api.get(f"/orders/{order}/fulfilment").json
    assert list(fulfilment) == ["order_id", "status", "steps", "damage"]
    assert fulfilment["status"] == "COMPLETED"
    assert list(fulfilment["steps"][0]) == ["step", "status", "attempt", "at", "error", "next_at"]

    events = live_api.get(f"/orders/{order}/events").json["events"]
    assert [event["type"] for event in events][:2] == ["Order.Created", "Fulfilment.Started"]
    assert {event["application"] for event in events} == {
        "Orders",
        "OrderFulfilment",
        "Payments",
        "Inventory",
    }
    assert {event["correlation_id"] for event in events} == {order}
    assert {event["user"] for event in events} == {"Zoë"}
    assert {event["command_id"] for event in events} == {"k"}
    assert list(events[0]) == [
        "event_id",
        "type",
        "application",
        "stream_id",
        "stream_version",
        "position",
        "recorded_at",
        "correlation_id",
        "causation_id",
        "command_id",
        "user",
        "payload",
        "error",
    ]
    assert events[0]["payload"]["items"] == [TEA]


@pytest.mark.parametrize("user", ["", "u" * 129, "bell\x07", "\xff\xfe"])
def test_a_user_is_printable_and_short(api: Api, user: str) -> None:
    answer = api.post("/orders", an_order(), X_User=user)
    assert (answer.status, answer.code) == (400, "invalid_header")
    assert api.stored()["Orders"] is None


def _one_line(quantity: int, price: str) -> str:
    return (
        '{"customer_id":"ada","currency":"USD","payment_method":"pm_ok",'
        f'"items":[{{"sku":"TEA","quantity":{quantity},"unit_price":{price}}}]}}'
    )
