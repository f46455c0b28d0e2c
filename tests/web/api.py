"""The words in which stories about the HTTP API are told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from system.bootstrap import Orderwright

API = "/api/v1"
TEA = {"sku": "TEA", "quantity": 2, "unit_price": "4.50"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    response: TestResponse

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def json(self) -> Any:
        return json.loads(self.response.data)

    @property
    def code(self) -> str:
        return cast(str, self.json["code"])

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Where which code was given."""
        return [(fault["pointer"], fault["code"]) for fault in self.json["errors"]]

    def header(self, name: str) -> str | None:
        return self.response.headers.get(name)


@dataclass(frozen=True)
class Api:
    """A client of the API, which can also look behind it."""

    client: FlaskClient
    orderwright: Orderwright

    def get(self, path: str, **headers: str) -> Answer:
        return Answer(self.client.get(API + path, headers=_named(headers)))

    def post(self, path: str, body: object, **headers: str) -> Answer:
        return self.post_raw(path, json.dumps(body), **headers)

    def post_raw(self, path: str, data: str | bytes, **headers: str) -> Answer:
        named = {"Content-Type": "application/json", **_named(headers)}
        return Answer(self.client.post(API + path, data=data, headers=named))

    def place(self, *items: Mapping[str, object], key: str | None = None, **fields: object) -> Answer:
        """Place Ada's order for two packs of tea, 9.00 USD, unless something else is said."""
        headers = {} if key is None else {"Idempotency_Key": key}
        return self.post("/orders", an_order(*items, **fields), **headers)

    def placed(self, *items: Mapping[str, object], **fields: object) -> str:
        """The id of a new order."""
        answer = self.post("/orders", an_order(*items, **fields))
        assert answer.status == 201, answer.json
        return cast(str, answer.json["order_id"])

    def receive(self, sku: str = "TEA", quantity: int = 100) -> str:
        """Take goods in; the id of the receipt."""
        answer = self.post(f"/stock/{sku}/receipts", {"quantity": quantity})
        assert answer.status == 201, answer.json
        return cast(str, answer.json["event_id"])

    def stored(self) -> dict[str, int | None]:
        """Where each log ends: what was stored has moved an end."""
        return {
            name: application.recorder.max_notification_id()
            for name, application in self.orderwright.applications.items()
        }


def an_order(*items: Mapping[str, object], **fields: object) -> dict[str, object]:
    """The body of Ada's order for two packs of tea, 9.00 USD, unless something else is said."""
    return {
        "customer_id": "ada",
        "currency": "USD",
        "payment_method": "pm_ok",
        "items": items or [TEA],
        **fields,
    }


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
