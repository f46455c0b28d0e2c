"""Whatever is sent: never a fault of ours, always a tidy answer, and nothing stored unless it says so."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from system.bootstrap import build
from system.settings.environment import Settings
from tests.web.api import TEA, Answer, Api, an_order
from web.api.app import create_app

FIELDS = "customer_id currency payment_method items order_ref sku quantity unit_price reason event_id"
NAMES = st.sampled_from([*FIELDS.split(), "_type_", "_data_", "~/"]) | st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["USD", "JPY", "TEA", "pm_ok", "4.50", "1e5", "NaN", "{}", "\ud800", "\x00", "2024-05-17"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
PATHS = st.sampled_from(
    ["/orders", "/stock/TEA/receipts", "/stock/TEA/corrections", "/orders/{id}/cancellation"]
)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Api]:
    """One API for all that is tried."""
    orderwright = build(Settings.from_environment({"PERSISTENCE_MODULE": "eventsourcing.popo"}))
    yield Api(create_app(orderwright).test_client(), orderwright)
    orderwright.close()


many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(path=PATHS, body=JSON)
@example(path="/orders", body=an_order({**TEA, "unit_price": 1e300}))
@example(path="/orders", body=an_order({**TEA, "quantity": 2**63}))
def test_any_json(fuzzed: Api, path: str, body: Any) -> None:
    _send(fuzzed, path, json.dumps(body))


@st.composite
def _almost_orders(draw: st.DrawFn) -> Any:
    """An order with one thing replaced by anything."""
    order: Any = an_order(dict(TEA), dict(TEA))
    place = draw(st.sampled_from([order, *order["items"]]))
    place[draw(st.sampled_from(sorted(place)) | NAMES)] = draw(JSON)
    return order


@many
@given(order=_almost_orders())
def test_almost_an_order(fuzzed: Api, order: Any) -> None:
    _send(fuzzed, "/orders", json.dumps(order))


@many
@given(
    data=st.binary(max_size=60)
    | st.text(alphabet='{}[]":,\\0123456789eE.-tfnu ', max_size=60).map(str.encode)
)
def test_any_bytes(fuzzed: Api, data: bytes) -> None:
    _send(fuzzed, "/orders", data)


@many
@given(
    path=st.sampled_from(["/orders", "/stock", "/fulfilments", "/orders/x", "/stock/x", "/payments/x"]),
    query=st.dictionaries(
        st.sampled_from(
            ["limit", "cursor", "sort", "status", "customer_id", "created_from", "version", "as_of"]
        )
        | st.text(max_size=4),
        st.text(max_size=12) | st.integers().map(str) | st.datetimes().map(str),
        max_size=3,
    ),
    headers=st.dictionaries(
        st.sampled_from(["Consistency-Token", "X-Request-Id", "Accept", "If-Match", "X-User"]),
        st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=12),
        max_size=2,
    ),
)
def test_any_query(fuzzed: Api, path: str, query: dict[str, str], headers: dict[str, str]) -> None:
    before = fuzzed.stored()
    encodable = {name: value.encode(errors="replace") for name, value in query.items()}
    answer = Answer(fuzzed.client.get(f"/api/v1{path}", query_string=encodable, headers=headers))
    _check(answer)
    assert fuzzed.stored() == before


def _send(api: Api, path: str, data: str | bytes) -> None:
    before = api.stored()
    answer = api.post_raw(path.format(id="7d3b2c14-9e55-4a0e-8a61-f0b8a3a1c0de"), data)
    _check(answer)
    assert (api.stored() != before) == (answer.status == 201)


def _check(answer: Answer) -> None:
    assert answer.status < 500
    kind: Callable[[int], str] = lambda status: "problem+json" if status >= 400 else "json"  # noqa: E731
    assert answer.header("Content-Type") == f"application/{kind(answer.status)}"
    if answer.status >= 400:
        assert list(answer.json)[:5] == ["type", "title", "status", "detail", "code"]
