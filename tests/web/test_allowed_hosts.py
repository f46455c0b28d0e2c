"""Under which names the API answers: a foreign one may be that of a page that a visitor's browser shows."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.ways import ByHand, Way
from web.api.app import create_app

Client = Callable[..., FlaskClient]
ORDERS = "/api/v1/orders"


@pytest.fixture
def client(open_way: Callable[..., Way]) -> Client:
    """A client of an API with these settings, which listens at this address."""

    def make(allowed: str = "", listens_at: str | None = None) -> FlaskClient:
        settings = {"PERSISTENCE_MODULE": "eventsourcing.popo", "ORDERWRIGHT_ALLOWED_HOSTS": allowed}
        way = open_way(ByHand, settings)
        return create_app(way.orderwright, None, listens_at).test_client()

    return make


def asked(client: FlaskClient, host: str, path: str = ORDERS) -> tuple[int, Any]:
    """The status and the code of the answer to a request under this name."""
    response = client.get(path, headers={"Host": host})
    return response.status_code, (response.json or {}).get("code")


FOREIGN = [
    *(
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
    ),
    *("shop.example.com.", "x,localhost", "localhost@evil.example", "[::1", "[evil]", "a b", "127.1", "::1"),
]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_name_is_refused(client: Client, host: str) -> None:
    answer = client().get(ORDERS, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json is not None
    assert answer.json["code"] == "host_not_allowed"
    assert "ORDERWRIGHT_ALLOWED_HOSTS" in answer.json["detail"]
    assert answer.headers["X-Request-Id"]


def test_nothing_is_stored_under_a_foreign_name(client: Client) -> None:
    api = client()
    refused = api.post("/api/v1/stock/TEA/receipts", json={"quantity": 1}, headers={"Host": "evil.example"})
    assert refused.status_code == 421
    assert api.get("/api/v1/events").json == {"items": [], "next_cursor": None}
    assert asked(api, "evil.example", "/metrics")[0] == 421
    assert asked(api, "evil.example", "/no/such/place")[0] == 421


OWN = [
    *(
        "localhost",
        "LOCALHOST:8000",
        "localhost.",
        "shop.localhost:80",
        "127.0.0.1",
        "127.0.0.1:8000",
        "[::1]:8000",
    ),
    *("10.1.2.3", "192.168.0.7:8000", "[fe80::1]", socket.gethostname(), f"{socket.gethostname()}:8000"),
]


@pytest.mark.parametrize("host", OWN)
def test_addresses_and_names_of_this_machine_need_no_setting(client: Client, host: str) -> None:
    assert asked(client(), host) == (200, None)


def test_the_operator_allows_further_names(client: Client) -> None:
    api = client("shop.example.com, orders_api")
    assert asked(api, "Shop.Example.com:443") == asked(api, "orders_api:8000") == (200, None)
    assert asked(api, "localhost") == (200, None)
    assert asked(api, "example.com")[0] == asked(api, "www.shop.example.com")[0] == 421
    assert asked(client("*"), "anything.example") == (200, None)


def test_the_name_at_which_it_listens_is_its_own(client: Client) -> None:
    assert asked(client(listens_at="orders.lan"), "orders.lan:8000") == (200, None)


def test_a_watcher_may_ask_under_any_name_whether_it_lives(client: Client) -> None:
    api = client()
    for path in ("/livez", "/readyz"):
        assert asked(api, "pool-7.balancer", path)[1] is None
    assert asked(api, "pool-7.balancer", "/readyz?verbose")[0] == 421


def test_a_request_that_names_no_host_comes_from_no_browser(client: Client) -> None:
    response = client().get(ORDERS, environ_overrides={"HTTP_HOST": ""})
    assert response.status_code == 200
