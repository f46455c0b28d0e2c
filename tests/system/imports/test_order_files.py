"""Files of orders: what is read, what is refused and where, and that nothing crashes the reader."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.limits import MAX_LINES
from system.imports.order_files import FileOrder, OrderFile, Refusal, UnreadableFile
from system.imports.order_text import MAX_LINE_BYTES

HEADER = "order_ref,customer_id,placed_on,sku,quantity,unit_price,currency"
GOOD = "r-1,ada,1997-01-31,CD-X1,2,11.77,USD"


def read(folder: Path, content: str | bytes, name: str = "orders.csv") -> list[FileOrder]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(OrderFile(path, "pm_ok").orders())


def lines(*rows: str) -> str:
    return "\n".join((HEADER, *rows)) + "\n"


def refused(orders: list[FileOrder]) -> list[tuple[int, str | None, str, str]]:
    return [
        (refusal.line, refusal.order_ref, refusal.code, refusal.reason)
        for order in orders
        for refusal in order.refusals
    ]


def test_a_line_is_an_order(tmp_path: Path) -> None:
    (order,) = read(tmp_path, lines(GOOD))
    assert order.command is not None
    assert (order.order_ref, order.line_numbers, order.refusals) == ("r-1", (2,), ())
    assert order.command.customer_id == "ada"
    assert order.command.currency == "USD"
    assert order.command.payment_method == "pm_ok"
    assert order.command.placed_on == date(1997, 1, 31)
    assert order.command.idempotency_key is None
    (item,) = order.command.items
    assert (item.sku, item.quantity, item.unit_price) == ("CD-X1", 2, Decimal("11.77"))


def test_lines_in_a_row_with_the_same_reference_are_one_order(tmp_path: Path) -> None:
    orders = read(
        tmp_path, lines(GOOD, "r-1,ada,1997-01-31,CD-X2,1,5.00,USD", "r-2,eve,,CD-X1,1,1.00,USD", GOOD)
    )
    assert [(order.order_ref, order.line_numbers) for order in orders] == [
        ("r-1", (2, 3)),
        ("r-2", (4,)),
        ("r-1", (5,)),
    ]
    assert orders[0].command is not None
    assert [item.sku for item in orders[0].command.items] == ["CD-X1", "CD-X2"]
    assert orders[1].command is not None
    assert orders[1].command.placed_on is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\ufeff" + lines(GOOD), id="byte order mark"),
        pytest.param(lines(GOOD).replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(lines("", GOOD, " ", ""), id="blank lines"),
        pytest.param(lines(GOOD).rstrip("\n"), id="no line end at the end"),
        pytest.param(lines('r-1,"ada",1997-01-31,CD-X1,2,11.77,USD'), id="quotes"),
        pytest.param(
            "sku,quantity,unit_price,currency,order_ref,customer_id,placed_on\n"
            "CD-X1,2,11.77,USD,r-1,ada,1997-01-31\n",
            id="columns in another order",
        ),
    ],
)
def test_csv_of_different_origins_reads_the_same(tmp_path: Path, content: str) -> None:
    (order,) = read(tmp_path, content)
    (expected,) = read(tmp_path, lines(GOOD))
    assert order.command == expected.command


@pytest.mark.parametrize(
    ("line", "ref", "code", "reason"),
    [
        ("r-1,ada,1997-01-31,CD-X1,2,11.77", "r-1", "malformed_line", "has 6 columns, not 7"),
        (f"{GOOD},more", "r-1", "malformed_line", "has 8 columns, not 7"),
        ("just words", "just words", "malformed_line", "has 1 columns, not 7"),
        (
            'r-1,"ada,1997-01-31,CD-X1,2,1,USD',
            "r-1",
            "malformed_line",
            "has a quote that begins in line 3 and is never closed",
        ),
        (",ada,1997-01-31,CD-X1,2,11.77,USD", None, "invalid_length", "order_ref: is empty"),
        ("r-1,,1997-01-31,CD-X1,2,11.77,USD", "r-1", "invalid_length", "customer_id: is empty"),
        (
            f"r-1,{'a' * 129},1997-01-31,CD-X1,2,11.77,USD",
            "r-1",
            "invalid_length",
            "customer_id: is longer than 128 characters",
        ),
        (
            "r-1,a\x07da,1997-01-31,CD-X1,2,11.77,USD",
            "r-1",
            "invalid_text",
            "customer_id: has control characters",
        ),
        (
            "r-1,ada,1997-02-29,CD-X1,2,11.77,USD",
            "r-1",
            "invalid_date",
            "placed_on: '1997-02-29' is not a date like 1997-01-31",
        ),
        (
            "r-1,ada,31/01/1997,CD-X1,2,11.77,USD",
            "r-1",
            "invalid_date",
            "placed_on: '31/01/1997' is not a date like 1997-01-31",
        ),
        (
            "r-1,ada,1997-01-31,CD-X1,two,11.77,USD",
            "r-1",
            "invalid_quantity",
            "quantity: 'two' is not a whole number from 1 to 1000000",
        ),
        (
            "r-1,ada,1997-01-31,CD-X1,\u0662,11.77,USD",
            "r-1",
            "invalid_quantity",
            "quantity: '\u0662' is not a whole number from 1 to 1000000",
        ),
        (
            "r-1,ada,1997-01-31,CD-X1,2,NaN,USD",
            "r-1",
            "invalid_amount",
            "unit_price: 'NaN' is not an amount like 11.77",
        ),
        (
            "r-1,ada,1997-01-31,CD-X1,2,1e3,USD",
            "r-1",
            "invalid_amount",
            "unit_price: '1e3' is not an amount like 11.77",
        ),
        (
            "r-1,ada,1997-01-31,CD-X1,2,$5,USD",
            "r-1",
            "invalid_amount",
            "unit_price: '$5' is not an amount like 11.77",
        ),
    ],
)
def test_a_malformed_line_is_refused_alone(
    tmp_path: Path, line: str, ref: str | None, code: str, reason: str
) -> None:
    orders = read(tmp_path, lines("r-0,ada,,CD-X1,1,1.00,USD", line, "r-2,ada,,CD-X1,1,1.00,USD"))
    assert refused(orders) == [(3, ref, code, reason)]
    assert [order.order_ref for order in orders if order.command] == ["r-0", "r-2"]


@pytest.mark.parametrize(
    ("line", "ref", "reason"),
    [
        (b"r-1,\xff\xfe,1997-01-31,CD-X1,2,11.77,USD", "r-1", "is not UTF-8 from its byte 5 on"),
        (b"r-1,a\x00da,1997-01-31,CD-X1,2,11.77,USD", "r-1", "has a NUL character"),
        (b"\xff,ada,1997-01-31,CD-X1,2,11.77,USD", None, "is not UTF-8 from its byte 1 on"),
        (b"r-1," + b"a" * MAX_LINE_BYTES, None, f"is longer than {MAX_LINE_BYTES} bytes"),
    ],
)
def test_bytes_that_are_no_text_are_refused_alone(
    tmp_path: Path, line: bytes, ref: str | None, reason: str
) -> None:
    content = lines("r-0,ada,,CD-X1,1,1.00,USD").encode() + line + b"\nr-2,ada,,CD-X1,1,1.00,USD\n"
    orders = read(tmp_path, content)
    assert refused(orders) == [(3, ref, "malformed_line", reason)]
    assert [order.order_ref for order in orders if order.command] == ["r-0", "r-2"]


def test_an_order_is_refused_whole_when_one_of_its_lines_is(tmp_path: Path) -> None:
    orders = read(tmp_path, lines(GOOD, "r-1,ada,1997-01-31,CD-X2,x,5.00,USD", GOOD))
    assert refused(orders) == [
        (2, "r-1", "order_incomplete", "line 3 of the same order is refused"),
        (3, "r-1", "invalid_quantity", "quantity: 'x' is not a whole number from 1 to 1000000"),
        (4, "r-1", "order_incomplete", "line 3 of the same order is refused"),
    ]


def test_an_unreadable_line_belongs_to_the_order_around_it(tmp_path: Path) -> None:
    broken = b"\xff\xff\n"
    good = GOOD.encode() + b"\n"
    orders = read(tmp_path, HEADER.encode() + b"\n" + good + broken + good)
    assert [(line, code) for line, _, code, _ in refused(orders)] == [
        (2, "order_incomplete"),
        (3, "malformed_line"),
        (4, "order_incomplete"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        "r-1,eve,1997-01-31,CD-X1,2,11.77,USD",
        "r-1,ada,1997-02-01,CD-X1,2,11.77,USD",
        "r-1,ada,1997-01-31,CD-X1,2,11.77,EUR",
    ],
)
def test_lines_of_an_order_have_to_agree(tmp_path: Path, other: str) -> None:
    orders = read(tmp_path, lines(GOOD, other))
    assert refused(orders)[1] == (
        3,
        "r-1",
        "lines_disagree",
        "differs from an earlier line of the same order",
    )


def test_an_order_that_is_too_long_is_refused_to_its_last_line_in_constant_memory(tmp_path: Path) -> None:
    count = 3 * MAX_LINES
    orders = read(tmp_path, lines(*[GOOD] * count, "r-2,ada,,CD-X1,1,1.00,USD"))
    assert max(len(order.line_numbers) for order in orders) == MAX_LINES + 1
    assert [order.continues for order in orders] == [False, True, True, False]
    numbers = [number for order in orders[:-1] for number in order.line_numbers]
    assert numbers == list(range(2, count + 2))
    assert all(refusal[2] == "too_many_items" for refusal in refused(orders))
    assert orders[-1].command is not None


@pytest.mark.parametrize(
    "content", ["", "\n\n", GOOD, f"{HEADER},more\n{GOOD},x\n", "\x00\x01", "order_ref\n"]
)
def test_a_csv_file_without_its_header_is_not_looked_at(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFile, match="first line"):
        read(tmp_path, content)


def a_line(**changes: object) -> dict[str, object]:
    values = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def an_order(**changes: object) -> dict[str, object]:
    items = [{"sku": "CD-X1", "quantity": 2, "unit_price": "11.77"}]
    order = {"order_ref": "r-1", "customer_id": "ada", "placed_on": "1997-01-31", "currency": "USD"}
    return {name: value for name, value in {**order, "items": items, **changes}.items() if value is not None}


@pytest.mark.parametrize("name", ["orders.jsonl", "orders.ndjson", "orders", "orders.txt"])
@pytest.mark.parametrize(
    "values",
    [a_line(), a_line(quantity=2, unit_price=11.77), an_order(), an_order(payment_method="pm_ok")],
)
def test_json_lines_read_like_csv(tmp_path: Path, name: str, values: object) -> None:
    (order,) = read(tmp_path, json.dumps(values) + "\n", name)
    (expected,) = read(tmp_path, lines(GOOD))
    assert order.command == expected.command


def test_a_number_in_json_is_taken_exactly_as_it_is_written(tmp_path: Path) -> None:
    price = "0.1000000001"
    (order,) = read(tmp_path, json.dumps(a_line()).replace('"11.77"', price), "orders.jsonl")
    assert order.command is not None
    assert order.command.items[0].unit_price == Decimal(price)


def test_a_whole_order_in_json_is_never_joined_with_its_neighbour(tmp_path: Path) -> None:
    orders = read(tmp_path, "\n".join(json.dumps(v) for v in (a_line(), an_order(), a_line())), "o.jsonl")
    assert [order.line_numbers for order in orders] == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("line", "ref", "code", "reason"),
    [
        ("{", None, "malformed_line", "is not JSON: Expecting property name enclosed in double quotes"),
        ("[1]", None, "malformed_line", "is not a JSON object"),
        ("[" * 100_000, None, "malformed_line", "is not JSON: maximum recursion depth exceeded"),
        ('{"order_ref": "a", "order_ref": "b"}', None, "malformed_line", "is not JSON: a name stands twice"),
        ('{"order_ref": NaN}', None, "malformed_line", "is not JSON: NaN is not a number"),
        (json.dumps(a_line(order_ref=None)), None, "missing_field", "order_ref: is missing"),
        (json.dumps(a_line(order_ref=5)), None, "malformed_line", "order_ref: is not a text"),
        (json.dumps(a_line(sku=None)), "r-1", "missing_field", "sku: is missing"),
        (json.dumps(a_line(sku=["x"])), "r-1", "malformed_line", "sku: is not a text"),
        (json.dumps(a_line(_type_="x")), "r-1", "unknown_field", "'_type_': there is no such field"),
        (json.dumps(a_line(quantity=True)), "r-1", "malformed_line", "quantity: is not a number"),
        (json.dumps(a_line(quantity=2.5)), "r-1", "invalid_quantity", "quantity: '2.5' is not a whole"),
        (json.dumps(a_line(customer_id="\ud800")), "r-1", "invalid_text", "customer_id: has control"),
        (json.dumps(an_order(items={})), "r-1", "malformed_line", "items: is not a list"),
        (json.dumps(an_order(items=[1])), "r-1", "malformed_line", "items/0: is not an object"),
        (json.dumps(an_order(items=[{}])), "r-1", "missing_field", "items/0/sku: is missing"),
    ],
)
def test_a_malformed_line_of_json_is_refused_alone(
    tmp_path: Path, line: str, ref: str | None, code: str, reason: str
) -> None:
    good = json.dumps(a_line(order_ref="r-2"))
    orders = read(tmp_path, f"{line}\n{good}\n", "orders.jsonl")
    ((number, found_ref, found_code, found_reason),) = refused(orders)
    assert (number, found_ref, found_code) == (1, ref, code)
    assert reason in found_reason
    assert orders[-1].command is not None


@given(content=st.binary(max_size=300), name=st.sampled_from(["a.csv", "a.jsonl"]))
def test_whatever_a_file_holds_every_line_is_read_or_refused_once(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    start = HEADER.encode() + b"\n" if name == "a.csv" else b"{}\n" * 3  # it begins as text
    orders = read(tmp_path_factory.mktemp("any"), start + content, name)
    numbers = [number for order in orders for number in order.line_numbers]
    assert sorted(numbers) == sorted(set(numbers))
    for order in orders:
        assert (order.command is None) == bool(order.refusals)
        assert [refusal.line for refusal in order.refusals] in ([], list(order.line_numbers))
        assert all(isinstance(refusal, Refusal) for refusal in order.refusals)
