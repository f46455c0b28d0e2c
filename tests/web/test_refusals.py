"""What a request must not say. Each refusal names the place and a code, and stores nothing."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.web.api import TEA, Answer, Api, an_order
from web.api import body, limits, orders
from web.errors import MalformedRequest


def _order(**fields: object) -> str:
    return json.dumps(an_order(**fields))


def _item(**fields: object) -> str:
    return json.dumps(an_order({**TEA, **fields}))


def _with(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def _priced(price: str) -> str:
    return _with(_order(), '"4.50"', price)


def _deep(levels: int) -> str:
    return _with(_order(), '"ada"', "[" * levels + "]" * levels)


MALFORMED: list[tuple[str | bytes, str, str]] = [
    # what is no JSON
    (b"", "", "malformed_json"),
    (b"\xff\xfe", "", "malformed_json"),
    (b'{"customer_id": "\xed\xa0\x80"}', "", "malformed_json"),
    ("{", "", "malformed_json"),
    ("{'customer_id': 1}", "", "malformed_json"),
    (_order() + "x", "", "malformed_json"),
    ("\ufeff" + _order(), "", "malformed_json"),
    (_priced("NaN"), "/items/0/unit_price", "malformed_json"),
    (_priced("Infinity"), "/items/0/unit_price", "malformed_json"),
    (_priced("-Infinity"), "/items/0/unit_price", "malformed_json"),
    (_priced("04"), "", "malformed_json"),
    # what is no order
    ("[]", "", "wrong_type"),
    ("null", "", "wrong_type"),
    ('"order"', "", "wrong_type"),
    ("7", "", "wrong_type"),
    (_order(customer_id=7), "/customer_id", "wrong_type"),
    (_order(customer_id=None), "/customer_id", "wrong_type"),
    (_order(currency=["USD"]), "/currency", "wrong_type"),
    (_order(payment_method={}), "/payment_method", "wrong_type"),
    (_order(order_ref=1), "/order_ref", "wrong_type"),
    (json.dumps({**an_order(), "items": {}}), "/items", "wrong_type"),
    (json.dumps({**an_order(), "items": "TEA"}), "/items", "wrong_type"),
    (json.dumps({**an_order(), "items": [7]}), "/items/0", "wrong_type"),
    (_item(sku=7), "/items/0/sku", "wrong_type"),
    (_item(quantity="2"), "/items/0/quantity", "wrong_type"),
    (_item(quantity=True), "/items/0/quantity", "wrong_type"),
    (_item(quantity=2.0), "/items/0/quantity", "wrong_type"),
    (_item(quantity=1.5), "/items/0/quantity", "wrong_type"),
    (_item(quantity=None), "/items/0/quantity", "wrong_type"),
    (_with(_order(), '"quantity": 2', '"quantity": 1e2'), "/items/0/quantity", "wrong_type"),
    (_item(unit_price=True), "/items/0/unit_price", "wrong_type"),
    (_item(unit_price=None), "/items/0/unit_price", "wrong_type"),
    (_item(unit_price=["1"]), "/items/0/unit_price", "wrong_type"),
    # fields that are unknown, missing, or there twice
    (_order(coupon="FREE"), "/coupon", "unknown_field"),
    (_order(total="0.01"), "/total", "unknown_field"),
    (_item(**{"a/b~c": 1}), "/items/0/a~1b~0c", "unknown_field"),
    (_order(**{"k" * 900: 1}), "/" + "k" * 64, "unknown_field"),
    (
        json.dumps({name: value for name, value in an_order().items() if name != "currency"}),
        "/currency",
        "missing_field",
    ),
    (json.dumps(an_order({"sku": "TEA", "quantity": 1})), "/items/0/unit_price", "missing_field"),
    (
        _with(_order(), '"customer_id"', '"customer_id": "bob", "customer_id"'),
        "/customer_id",
        "repeated_name",
    ),
    (_with(_order(), '"sku"', '"sku": "GOLD", "sku"'), "/items/0/sku", "repeated_name"),
    # what would mean something to the store
    (_order(_type_="money", _data_="1"), "", ""),
    (_order(customer_id={"_type_": "uuid_hex", "_data_": "00"}), "", ""),
    (_order(note={"_type_": 1}), "/note/_type_", "reserved_name"),
    (_item(_data_=1), "/items/0/_data_", "reserved_name"),
    (_order(customer_id="a\x00b"), "/customer_id", "forbidden_character"),
    (_with(_order(), '"ada"', r'"\ud800"'), "/customer_id", "forbidden_character"),
    (_with(_order(), '"ada"', r'"\udc00\ud800"'), "/customer_id", "forbidden_character"),
    (_with(_order(), '"sku"', r'"\ud800"'), "/items/0", "forbidden_character"),
    (_with(_order(), '"sku"', r'"\u0000"'), "/items/0", "forbidden_character"),
    # what is too much
    (_deep(16), "", "too_deep"),
    (_deep(100_000), "", "too_deep"),
    ("[" * 500_000, "", "too_deep"),
    ('{"a":' * 100_000, "", "too_deep"),
    ("[" + "1," * 100_001 + "1]", "", "too_many_values"),
    (_with(_order(), '"quantity": 2', '"quantity": ' + "9" * 33), "/items/0/quantity", "number_too_long"),
    (
        _with(_order(), '"quantity": 2', '"quantity": ' + "9" * 500_000),
        "/items/0/quantity",
        "number_too_long",
    ),
    (_priced("0." + "0" * 40 + "1"), "/items/0/unit_price", "number_too_long"),
    (_priced("1e31"), "/items/0/unit_price", "number_too_long"),
    (_priced("1e-31"), "/items/0/unit_price", "number_too_long"),
    (_priced("1e99999999999999999999"), "/items/0/unit_price", "number_too_long"),
]

REFUSED: list[tuple[str, str, str]] = [
    (_order(customer_id=""), "/customer_id", "invalid_length"),
    (_order(customer_id="a" * 129), "/customer_id", "invalid_length"),
    (_order(payment_method="p" * 65), "/payment_method", "invalid_length"),
    (_order(order_ref="r" * 129), "/order_ref", "invalid_length"),
    (_order(customer_id=" ada"), "/customer_id", "invalid_text"),
    (_order(customer_id="ada\n"), "/customer_id", "invalid_text"),
    (_order(customer_id="a\x1bda"), "/customer_id", "invalid_text"),
    (_order(customer_id="\u202eada"), "/customer_id", "invalid_text"),
    (_order(currency="XXX"), "/currency", "unknown_currency"),
    (_order(currency="usd"), "/currency", "unknown_currency"),
    (_order(currency="u" * 200_000), "/currency", "unknown_currency"),
    (_order(currency="JPY"), "/items/0/unit_price", "invalid_amount"),
    (json.dumps({**an_order(), "items": []}), "/items", "order_without_items"),
    (json.dumps({**an_order(), "items": [TEA] * 501}), "/items", "too_many_items"),
    (json.dumps({**an_order(), "items": [TEA] * 15_000}), "/items", "too_many_items"),
    (_item(unit_price="0"), "/items", "order_total_not_positive"),
    (_item(unit_price="-0"), "/items", "order_total_not_positive"),
    (_item(sku=""), "/items/0/sku", "invalid_sku"),
    (_item(sku="a b"), "/items/0/sku", "invalid_sku"),
    (_item(sku="../etc"), "/items/0/sku", "invalid_sku"),
    (_item(sku="s" * 200_000), "/items/0/sku", "invalid_sku"),
    (_item(quantity=0), "/items/0/quantity", "invalid_quantity"),
    (_item(quantity=-1), "/items/0/quantity", "invalid_quantity"),
    (_item(quantity=1_000_001), "/items/0/quantity", "invalid_quantity"),
    (_item(quantity=10**31), "/items/0/quantity", "invalid_quantity"),
    (_item(unit_price="4.505"), "/items/0/unit_price", "invalid_amount"),
    (_item(unit_price=4.505), "/items/0/unit_price", "invalid_amount"),
    (_item(unit_price="-4.50"), "/items/0/unit_price", "invalid_amount"),
    (_item(unit_price=-1), "/items/0/unit_price", "invalid_amount"),
    (_item(unit_price="1000000000000"), "/items/0/unit_price", "invalid_amount"),
    (_item(unit_price=10**30), "/items/0/unit_price", "invalid_amount"),
    (_item(quantity=2, unit_price="999999999999.99"), "/items/0/unit_price", "invalid_amount"),
    (_priced("1e30"), "/items/0/unit_price", "invalid_amount"),
    (_priced("1e-30"), "/items/0/unit_price", "invalid_amount"),
    *(
        (_item(unit_price=text), "/items/0/unit_price", "invalid_amount")
        for text in (
            "",
            "NaN",
            "Infinity",
            "1e2",
            "1,50",
            " 1",
            "1.",
            ".5",
            "+1",
            "0x1",
            "1_0",
            "١",
            "{x}",
            "9" * 99,
        )
    ),
]


@pytest.mark.parametrize(("body", "place", "code"), MALFORMED, ids=range(len(MALFORMED)))
def test_what_cannot_be_understood_is_refused(api: Api, body: str | bytes, place: str, code: str) -> None:
    answer = api.post_raw("/orders", body)
    assert answer.status == 400
    if code:
        assert answer.faults == [(place, code)]
        assert answer.code == code
    _is_a_tidy_problem(answer)
    assert set(api.stored().values()) == {None}


@pytest.mark.parametrize(("body", "place", "code"), REFUSED, ids=range(len(REFUSED)))
def test_what_a_rule_refuses_is_refused(api: Api, body: str, place: str, code: str) -> None:
    answer = api.post_raw("/orders", body)
    assert answer.status == 422
    assert answer.faults == [(place, code)]
    assert answer.code == code
    _is_a_tidy_problem(answer)
    assert set(api.stored().values()) == {None}


@pytest.mark.parametrize(
    ("path", "body", "status", "place", "code"),
    [
        ("/stock/TEA/receipts", {"quantity": 0}, 422, "/quantity", "invalid_quantity"),
        ("/stock/TEA/receipts", {"quantity": "1"}, 400, "/quantity", "wrong_type"),
        ("/stock/TEA/receipts", {"quantity": True}, 400, "/quantity", "wrong_type"),
        ("/stock/TEA/receipts", {"quantity": 1, "sku": "GOLD"}, 400, "/sku", "unknown_field"),
        ("/stock/TEA/receipts", {}, 400, "/quantity", "missing_field"),
        ("/stock/TEA/corrections", {"event_id": "1", "quantity": 1}, 400, "/reason", "missing_field"),
        (
            "/stock/TEA/corrections",
            {"event_id": "", "quantity": 1, "reason": "r"},
            422,
            "/event_id",
            "invalid_length",
        ),
        (
            "/stock/TEA/corrections",
            {"event_id": "1", "quantity": -1, "reason": "r"},
            422,
            "/quantity",
            "invalid_quantity",
        ),
        (
            "/stock/TEA/corrections",
            {"event_id": "1", "quantity": 1, "reason": "r\n"},
            422,
            "/reason",
            "invalid_text",
        ),
        ("/orders/{order}/cancellation", {}, 400, "/reason", "missing_field"),
        ("/orders/{order}/cancellation", {"reason": ""}, 422, "/reason", "invalid_length"),
        ("/orders/{order}/cancellation", {"reason": "r" * 501}, 422, "/reason", "invalid_length"),
        ("/orders/{order}/cancellation", {"reason": None}, 400, "/reason", "wrong_type"),
    ],
)
def test_other_commands_are_refused_alike(
    api: Api, path: str, body: dict[str, Any], status: int, place: str, code: str
) -> None:
    api.receive()
    order = api.placed()
    before = api.stored()
    answer = api.post(path.format(order=order), body)
    assert (answer.status, answer.code, answer.faults) == (status, code, [(place, code)])
    assert api.stored() == before


def test_all_that_is_wrong_is_told_at_once(api: Api) -> None:
    answer = api.post("/orders", an_order({**TEA, "quantity": "2"}, customer_id="", coupon="FREE"))
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert sorted(answer.faults) == [
        ("/coupon", "unknown_field"),
        ("/customer_id", "invalid_length"),
        ("/items/0/quantity", "wrong_type"),
    ]


def test_a_thousand_faults_are_told_in_short(api: Api) -> None:
    answer = api.post("/orders", an_order(*[{"sku": 1}] * 10_000))
    assert answer.status == 400
    assert len(answer.faults) == 20
    names = json.dumps({f"{number}": 1 for number in range(30_000)})
    answer = api.post_raw("/orders", names[:-1] + "," + names[1:])
    assert len(answer.faults) == 20


def _is_a_tidy_problem(answer: Answer) -> None:
    problem = answer.json
    assert answer.header("Content-Type") == "application/problem+json"
    assert list(problem) == ["type", "title", "status", "detail", "code", "errors"]
    assert problem["type"] == f"urn:orderwright:problem:{problem['code']}"
    assert problem["status"] == answer.status
    assert len(answer.response.data) < 20_000


@pytest.mark.parametrize("unit", ["{},", "[],", "0,", '"",', '"a": 1,', "[[0]],"])
def test_of_too_many_values_not_one_is_made(api: Api, monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    """They are counted in the text, so that a megabyte of them costs little more than reading it."""
    opening, closing = ("{", "}") if ":" in unit else ('{"items": [', "]}")
    text = opening + unit * (1_040_000 // len(unit)) + unit.rstrip(",") + closing
    answer = api.post_raw("/orders", text)
    assert (answer.status, answer.code) == (400, "too_many_values")

    monkeypatch.setattr("json.loads", None)
    with pytest.raises(MalformedRequest, match="at most 100000 values"):
        body.parse_json(text.encode())


@pytest.mark.parametrize(
    ("unit", "values"),
    [
        ("1", 1),
        ('"a,[{b"', 1),
        ('"\\"},"', 1),
        ("[ ]", 1),
        ("{\t}", 1),
        ("[1]", 2),
        ('{"k,": 1}', 2),
        ("[[]]", 2),
    ],
)
def test_values_are_counted_exactly(api: Api, unit: str, values: int) -> None:
    """All levels together, and neither names nor what stands in a text."""
    fitting = (limits.MAX_VALUES - 2) // values  # beside the object and the list
    for count, code in ((fitting, "malformed_request"), (fitting + 1, "too_many_values")):
        answer = api.post_raw("/orders", f'{{"no": [{", ".join([unit] * count)}]}}')
        assert (answer.status, answer.code) == (400, code)


def test_few_of_very_many_faults_are_looked_for(api: Api) -> None:
    """However many items or unknown fields are wrong, what is validated is little."""
    with pytest.raises(ValidationError) as wrong_items:
        orders.OrderBody.model_validate({"items": [{}] * 30_000})
    with pytest.raises(ValidationError) as unknown_fields:
        orders.OrderBody.model_validate({f"field-{number}": 1 for number in range(90_000)})

    assert wrong_items.value.error_count() < 501 * 3 + 10
    assert unknown_fields.value.error_count() <= limits.MAX_ERRORS + 4
    answer = api.post("/orders", {f"field-{number}": 1 for number in range(30_000)})
    assert (answer.status, answer.code, len(answer.faults)) == (400, "malformed_request", limits.MAX_ERRORS)
