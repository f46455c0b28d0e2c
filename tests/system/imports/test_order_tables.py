"""CSV as spreadsheet programs, shops and scripts write it: what it means, and where it is refused."""

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.imports.order_files import OrderFile, UnreadableFile
from system.imports.order_tables import MAX_ROW_LINES
from system.imports.order_text import MAX_LINE_BYTES
from tests.system.imports.test_order_files import GOOD, HEADER, lines, read, refused

NEXT = "r-2,eve,,CD-X2,1,1.00,USD"


def commands(content: str | bytes, folder: Path) -> list[object]:
    return [order.command for order in read(folder, content)]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lines(GOOD).upper().replace("ADA", "ada").replace("R-1", "r-1"), id="capitals"),
        pytest.param(lines(GOOD).replace(",sku,", ", \u00a0SKU\u202f ,", 1), id="blanks around a name"),
        pytest.param(lines(GOOD).replace(",", ";"), id="semicolons"),
        pytest.param(lines(GOOD).replace(",", "\t"), id="tabs"),
        pytest.param("sep=;\n" + lines(GOOD).replace(",", ";"), id="a line that names the separator"),
        pytest.param('\ufeff"sep=;"\r\n' + lines(GOOD).replace(",", ";"), id="such a line in quotes"),
        pytest.param("SEP=\t\n" + lines(GOOD).replace(",", "\t"), id="such a line with a tab"),
        pytest.param("sep=,,,,,,,\n" + lines(GOOD), id="such a line as it was saved again"),
        pytest.param(lines(GOOD).replace("\n", "\r"), id="line ends of old"),
        pytest.param(lines(GOOD).replace("\n", "\r\r\n"), id="line ends that were made twice"),
        pytest.param(f"{lines(GOOD)},,,,,,\n,,,,,,\n", id="rows of nothing at the end"),
        pytest.param(lines(",,,,,,", GOOD, ",,,,,,"), id="rows of nothing around"),
        pytest.param(lines(" , ,\u00a0,,,,", '"","","","","","",""', ",,", GOOD), id="other rows of nothing"),
        pytest.param(f"\n,,\n{lines(GOOD)}".replace(",,\n", "\n"), id="blank lines before the header"),
        pytest.param(f"{HEADER},,\n{GOOD},,\n", id="columns of nothing at the end"),
        pytest.param(f"{HEADER},,\n{GOOD}\n", id="columns of nothing in the header alone"),
        pytest.param(f"{HEADER}\n{GOOD},,\n", id="columns of nothing in a row alone"),
        pytest.param(f"order_ref,,{HEADER[10:]}\nr-1,,{GOOD[4:]}\n", id="a column of nothing in between"),
        pytest.param(
            "\n".join('"' + row.replace(",", '","') + '"' for row in (HEADER, GOOD)), id="all in quotes"
        ),
    ],
)
def test_what_peoples_tools_write_reads_the_same(tmp_path: Path, content: str) -> None:
    assert commands(content, tmp_path) == commands(lines(GOOD), tmp_path)


def test_a_value_with_the_separator_or_a_quote_in_it_is_one_value(tmp_path: Path) -> None:
    (order,) = read(tmp_path, lines('r-1,"Lovelace, ""Ada""",1997-01-31,CD-X1,2,11.77,USD'))
    assert order.command is not None
    assert order.command.customer_id == 'Lovelace, "Ada"'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_break_in_quotes_makes_no_second_order(tmp_path: Path, end: str) -> None:
    row = 'r-1,"A\nB",1997-01-31,CD-X1,2,11.77,USD'
    orders = read(tmp_path, lines(row, NEXT).replace("\n", end))
    assert refused(orders) == [
        (2, "r-1", "invalid_text", "customer_id: has a line break; the row runs to line 3")
    ]
    assert [(order.order_ref, order.line_numbers) for order in orders] == [("r-1", (2,)), ("r-2", (4,))]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    orders = read(tmp_path, lines("", 'r-1,"A\n\n\nB",,CD-X1,2,11.77,USD', ",,,,,,", NEXT, f"{NEXT},more"))
    assert [(line, ref, code) for line, ref, code, _ in refused(orders)] == [
        (3, "r-1", "invalid_text"),
        (8, "r-2", "order_incomplete"),
        (9, "r-2", "malformed_line"),
    ]


def test_a_row_over_several_lines_is_refused_with_the_order_that_it_belongs_to(tmp_path: Path) -> None:
    orders = read(tmp_path, lines(GOOD, 'r-1,ada,1997-01-31,"CD\nX2",1,5.00,USD', GOOD, NEXT))
    assert [(line, code) for line, _, code, _ in refused(orders)] == [
        (2, "order_incomplete"),
        (3, "invalid_text"),
        (5, "order_incomplete"),
    ]
    assert [order.order_ref for order in orders if order.command] == ["r-2"]


OPEN = 'r-1,"ada,1997-01-31,CD-X1,2,11.77,USD'
BROKEN_QUOTES = {
    "to the end": ([OPEN, NEXT], [3], "has a quote that begins in line 3 and is never closed"),
    "to the next quote": (
        [OPEN, NEXT, 'r-3,"eve",,CD-X1,1,1.00,USD'],
        [3],
        "has a quote that begins in line 3 and is not closed properly up to line 5",
    ),
    "in every row": (
        [OPEN, OPEN, NEXT],
        [3, 4],
        "has a quote that begins in line 3 and is not closed properly up to line 4",
    ),
    "further than a row may run": (
        [OPEN, *(NEXT.replace("r-2", f"s-{n}") for n in range(MAX_ROW_LINES))],
        [3],
        f"has a quote that begins in line 3 and is not closed properly up to line {2 + MAX_ROW_LINES}",
    ),
    "in a later line of its row": (
        ['r-1,"A\nB","ada,,CD-X1,2,11.77,USD', NEXT],
        [3],
        "has a quote that begins in line 4 and is never closed",
    ),
    "in the first value": (['"r-1,ada,1997-01-31,CD-X1', NEXT], [3], "has a quote that begins in line 3"),
    "within a line": (['r-1,"a"da,,CD-X1,2,11.77,USD', NEXT], [3], "is not CSV: ',' expected after '\"'"),
    "before a line that is too long": (
        [OPEN, "x" * (MAX_LINE_BYTES + 1), NEXT],
        [3, 4],
        "has a quote that begins in line 3 and is not closed properly up to line 3",
    ),
}


@pytest.mark.parametrize("case", BROKEN_QUOTES)
def test_a_quote_that_is_not_closed_costs_its_row_and_not_what_stands_below(
    tmp_path: Path, case: str
) -> None:
    rows, expected, reason = BROKEN_QUOTES[case]
    orders = read(tmp_path, lines("r-0,ada,,CD-X1,1,1.00,USD", *rows))
    assert [line for line, _, code, _ in refused(orders) if code == "malformed_line"] == expected
    assert refused(orders)[0][3].startswith(reason)
    placed = [order.order_ref for order in orders if order.command]
    whole = [row for row in rows if row.startswith(("r-2", "r-3", "s-"))]
    assert placed == ["r-0", *(row.split(",")[0] for row in whole)]


def test_a_long_file_after_an_open_quote_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write(lines(OPEN))
        for number in range(20_000):
            file.write(f"s-{number},eve,,CD-X1,1,1.00,USD\n")
    tracemalloc.start()
    try:
        count = sum(order.command is not None for order in OrderFile(path, "pm_ok").orders())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < path.stat().st_size


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("r-1;ada;1997-01-31;CD-X1;2;11,77", "has 6 columns, not 7"),
        ("r-1;ada;1997-01-31;CD-X1;2;11.77;USD;;x", "has 9 columns, not 7"),
        ("r-1;ada;1997-01-31;CD-X1;2;11,77;EUR", "unit_price: '11,77' is not an amount like 11.77"),
    ],
)
def test_a_row_of_another_separator_is_refused_for_what_is_wrong_with_it(
    tmp_path: Path, row: str, reason: str
) -> None:
    orders = read(tmp_path, f"{HEADER.replace(',', ';')}\n{row}\n{NEXT.replace(',', ';')}\n")
    assert [(line, ref, told) for line, ref, _, told in refused(orders)] == [(2, "r-1", reason)]
    assert orders[-1].command is not None


def test_a_value_below_no_name_is_not_lost(tmp_path: Path) -> None:
    orders = read(tmp_path, f"{HEADER},\n{GOOD},gift\n{NEXT},\n")
    assert [told for *_, told in refused(orders)] == ["has a value in column 8, which has no name"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lines(GOOD).replace("sku,", "", 1), "first line is not the header .*: sku is missing"),
        (lines(GOOD).replace("sku,", "sku,SKU ,", 1), "first line .*: sku stands there twice"),
        (lines(GOOD).replace("sku,", "sku,note,", 1), "first line .*: 'note' is not a column of an order"),
        (lines(GOOD).replace(",", ";").replace("sku;", "", 1), "first line .*: sku is missing$"),
        ("sep=:\n" + lines(GOOD).replace(",", ":"), "first line names ':' as the separator; it can be"),
        ("\nsep=;\n" + lines(GOOD), "line 3 is not the header"),
        (f'"{lines(GOOD)}', "first line is not CSV"),
    ],
)
def test_a_header_is_refused_with_what_is_wrong_with_it(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(UnreadableFile, match=told):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lines(GOOD).encode("utf-16"), 'is in UTF-16: save it as UTF-8 .*"CSV UTF-8"'),
        (lines(GOOD).encode("utf-16-le"), "is in UTF-16"),
        (b"\xfe\xff" + lines(GOOD).encode("utf-16-be"), "is in UTF-16"),
        (lines(GOOD).encode("utf-16-be"), "is in UTF-16"),
        (lines(GOOD).encode("utf-32"), "is in UTF-32"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "is compressed .gzip.: unpack it first"),
        (b"PK\x03\x04" + bytes(20), "is a workbook .*: open it in a spreadsheet program, and save it as"),
        (bytes(3 * MAX_LINE_BYTES), "first line is longer than"),
        (b"," * 3 * MAX_LINE_BYTES, "first line is longer than"),
    ],
)
@pytest.mark.parametrize("name", ["orders.csv", "orders"])
def test_what_is_no_text_is_refused_by_its_name(tmp_path: Path, content: bytes, told: str, name: str) -> None:
    with pytest.raises(UnreadableFile, match=told):
        read(tmp_path, content, name)


def test_a_line_without_an_end_is_cut_where_it_is_too_long(tmp_path: Path) -> None:
    """Also where the end of a line lies just there: it is counted once."""
    for length in range(MAX_LINE_BYTES - 1, MAX_LINE_BYTES + 3):
        for end in ("\n", "\r\n", "\r"):
            orders = read(tmp_path, lines("x" * length, NEXT).replace("\n", end))
            assert [line for line, *_ in refused(orders)] == [2]
            assert orders[-1].line_numbers == (3,)


UNSEEN = {
    chr(code)
    for first, last in (
        *((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800)),
        *((0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF)),
    )
    for code in range(first, last + 1)
}
"""Letters and marks that nobody sees, which are in no name."""

texts = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=' ,;"\t'), max_size=8)


@settings(max_examples=50)
@example(rows=[("\U000e0100", "")], separator=",", quoting=csv.QUOTE_ALL, end="\n")
@given(
    rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_whatever_a_writer_of_csv_writes_is_read_as_it_was_meant(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    separator: str,
    quoting: int,
    end: str,
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]  # of two numbers
    writer.writerow(HEADER.split(","))
    for number, (customer, sku) in enumerate(rows):
        writer.writerow((f"r-{number}", f"c{customer}c", "", sku, "1", "1.00", "USD"))
    orders = read(tmp_path_factory.mktemp("any"), written.getvalue())
    assert [order.line_numbers for order in orders] == [(number + 2,) for number in range(len(rows))]
    for order, (customer, sku) in zip(orders, rows, strict=True):
        if "\t" in customer or not UNSEEN.isdisjoint(customer):
            assert [refusal.code for refusal in order.refusals] == ["invalid_text"]
        else:
            assert order.command is not None
            assert order.command.customer_id == f"c{customer}c"
            assert order.command.items[0].sku == sku
