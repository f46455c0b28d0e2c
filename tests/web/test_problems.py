"""Problems that are not the body's: addresses, methods, sizes, stores that are away, faults of ours."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from eventsourcing.persistence import InterfaceError, OperationalError

from tests.support.ways import ByHand
from tests.web.api import Answer, Api, an_order
from web.api.app import create_app


@pytest.mark.parametrize(
    "path", ["/nothing", "/orders/", "/Orders", "//orders", "/orders/1/2/3", "/payments"]
)
def test_an_unknown_address(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status, answer.code) == (404, "unknown_route")
    assert answer.header("Content-Type") == "application/problem+json"


def test_a_method_that_an_address_does_not_take(api: Api) -> None:
    answer = Answer(api.client.delete("/api/v1/orders"))
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.header("Allow") == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_a_body_that_is_not_said_to_be_json(api: Api, kind: str) -> None:
    answer = api.post("/orders", an_order(), Content_Type=kind)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert api.stored()["Orders"] is None


def test_an_encoded_body(api: Api) -> None:
    answer = api.post("/orders", an_order(), Content_Encoding="gzip")
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_json_with_its_charset_is_json(api: Api) -> None:
    assert api.post("/orders", an_order(), Content_Type="application/json; charset=utf-8").status == 201


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("*/*", 201),
        ("application/*", 201),
        ("text/html, */*;q=0.1", 201),
    ],
)
def test_what_the_client_accepts(api: Api, accept: str, status: int) -> None:
    answer = api.post("/orders", an_order(), Accept=accept)
    assert answer.status == status
    assert (api.stored()["Orders"] is None) == (status == 406)


class TestSize:
    def test_a_body_of_the_limit_is_read_and_a_byte_more_is_not(self, api: Api) -> None:
        limit = api.orderwright.settings.max_body_bytes
        assert api.post_raw("/orders", b" " * limit).code == "malformed_json"
        answer = api.post_raw("/orders", b" " * (limit + 1))
        assert (answer.status, answer.code) == (413, "body_too_large")

    def test_a_body_of_unknown_length_is_counted(self, api: Api) -> None:
        """Sent in chunks, without a Content-Length."""
        limit = api.orderwright.settings.max_body_bytes
        for size, status in ((limit, 400), (limit + 1, 413)):
            response = api.client.post(
                "/api/v1/orders",
                input_stream=io.BytesIO(b" " * size),
                content_type="application/json",
                headers={"Transfer-Encoding": "chunked"},
                environ_overrides={"wsgi.input_terminated": True},
            )
            assert response.status_code == status


class TestRequestId:
    def test_it_comes_back(self, api: Api) -> None:
        assert api.get("/orders", X_Request_Id="abc-1").header("X-Request-Id") == "abc-1"

    @pytest.mark.parametrize("text", ["", "a b", "x" * 129, "ü"])
    def test_a_strange_one_is_replaced(self, api: Api, text: str) -> None:
        given = api.get("/nothing", X_Request_Id=text).header("X-Request-Id")
        assert given is not None
        assert len(given) == 36


def _raising(error: Exception) -> Callable[..., Any]:
    def call(*args: object, **kwargs: object) -> None:
        raise error

    return call


@pytest.mark.parametrize("error", [OperationalError("server at 10.0.0.7 is away"), InterfaceError("closed")])
def test_a_store_that_is_away(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(api.orderwright.orders.recorder, "insert_events", _raising(error))
    answer = api.place()
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert answer.header("Retry-After") == "1"
    assert str(error) not in answer.response.text


def test_a_fault_of_ours_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = RuntimeError("SELECT secret FROM /srv/var/orders.sqlite")
    monkeypatch.setattr(api.orderwright.orders.recorder, "insert_events", _raising(error))

    answer = api.post("/orders", an_order(), X_Request_Id="abc-1")

    assert (answer.status, answer.code) == (500, "internal_error")
    for secret in ("SELECT", "sqlite", "Traceback", "RuntimeError"):
        assert secret not in answer.response.text
    logged = "".join(capsys.readouterr())
    assert "SELECT secret" in logged
    assert "abc-1" in logged


def test_lookups_of_hostile_text_do_not_reach_postgresql(
    open_way: Callable[..., Any], postgres_environment: dict[str, str]
) -> None:
    way: ByHand = open_way(ByHand, {**postgres_environment, "PERSISTENCE_MODULE": "eventsourcing.postgres"})
    api = Api(create_app(way.orderwright).test_client(), way.orderwright)
    assert api.get("/stock/a%00b").status == 404
    assert api.get("/stock/%ED%A0%80").status == 404
    assert api.get("/orders?customer_id=a%00b").status == 400
    assert api.get("/orders?customer_id=%ED%A0%80").status in (200, 400)
    assert api.get("/orders?status=%00").status == 400
    assert api.get("/orders?version=1").status == 400
    order = api.placed(customer_id="a\u00a0b 🫖 天")
    assert api.get(f"/orders/{order}?version=999999999999999").status == 404
    assert api.get(f"/orders/{order}").json["customer_id"] == "a\u00a0b 🫖 天"


def test_a_nul_in_any_address_or_parameter_reaches_no_database(
    open_way: Callable[..., Any], postgres_environment: dict[str, str]
) -> None:
    way: ByHand = open_way(ByHand, {**postgres_environment, "PERSISTENCE_MODULE": "eventsourcing.postgres"})
    app = create_app(way.orderwright)
    for rule in app.url_map.iter_rules():
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        body = {"reason": "r"} if method == "POST" else None
        if rule.rule in ("/readyz", "/livez", "/metrics"):
            continue
        for name in ("a%00b", "saga:a%00b", "call:a%00b", "SagaLog:Orders:1%00"):
            address = re.sub(r"<[^>]+>", name, rule.rule)
            for parameters in ("", "?limit=%00", "?%00=1", "?user=a%00b", "?error=a%00b"):
                if "%00" in address + parameters:
                    answer = Answer(app.test_client().open(address + parameters, method=method, json=body))
                    assert 400 <= answer.status < 500, address + parameters
