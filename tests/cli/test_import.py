"""`orderwright import`: what it says, what it writes, and how it ends."""

import json
from pathlib import Path

import pytest

from .console import Console
from .files import HEADER, SMALL, report_of, write_orders

REFUSED = [
    ["line", "order_ref", "code", "reason"],
    ["5", "r-3", "order_total_not_positive", "the total of an order must be above zero"],
    ["6", "r-4", "invalid_quantity", "quantity: 'one' is not a whole number from 1 to 1000000"],
]


def test_a_file_is_imported_and_settled_with_the_stock_it_needs(console: Console, file: Path) -> None:
    summary = console.json("import", file, "--receive-stock", code=1)
    assert summary["placed"] == 2
    assert summary["already_placed"] == 0
    assert (summary["refused"], summary["refused_lines"]) == (2, 2)
    assert summary["received"] == {"receipts": 2, "quantity": 6, "receipts_before": 0}
    assert summary["orders"] == {"CONFIRMED": 2}
    assert summary["payments"] == [{"status": "COMPLETED", "currency": "USD", "count": 2, "amount": "38.54"}]
    assert report_of(Path(summary["report"])) == REFUSED


def test_a_second_import_places_nothing_and_writes_the_report_anew(console: Console, file: Path) -> None:
    first = console.json("import", file, "--receive-stock", code=1)
    report = console.folder / "orders.csv.refused.csv"
    report.unlink()
    second = console.json("import", file, "--receive-stock", code=1)
    assert (second["placed"], second["already_placed"]) == (0, 2)
    assert second["received"]["quantity"] == 0
    assert {name: second[name] for name in ("orders", "payments", "sha256")} == {
        name: first[name] for name in ("orders", "payments", "sha256")
    }
    assert report_of(report) == REFUSED


def test_without_stock_the_orders_are_cancelled_and_refunded(console: Console, file: Path) -> None:
    summary = console.json("import", file, code=1)
    assert summary["received"] is None
    assert summary["orders"] == {"CANCELLED": 2}
    assert [total["status"] for total in summary["payments"]] == ["REFUNDED"]


def test_the_payment_method_can_be_chosen(console: Console, file: Path) -> None:
    summary = console.json("import", file, "--payment-method", "pm_declined", "--receive-stock", code=1)
    assert [(total["status"], total["count"]) for total in summary["payments"]] == [("DECLINED", 2)]


def test_a_file_without_mistakes_ends_well_and_leaves_no_report(console: Console, tmp_path: Path) -> None:
    file = write_orders(tmp_path / "good.csv", *SMALL[:3])
    assert console.json("import", file, "--receive-stock")["report"] is None
    assert not list(console.folder.glob("*refused*"))


def test_an_old_report_does_not_outlive_a_run_without_mistakes(console: Console, tmp_path: Path) -> None:
    file = write_orders(tmp_path / "orders.csv", *SMALL)
    report = Path(console.json("import", file, "--receive-stock", code=1)["report"])
    write_orders(file, *SMALL[:3])
    console("import", file, "--receive-stock")
    assert report_of(report) == REFUSED[:1]


def test_a_report_that_is_asked_for_is_written_where_it_is_asked_for(
    console: Console, tmp_path: Path
) -> None:
    file = write_orders(tmp_path / "good.csv", *SMALL[:3])
    report = tmp_path / "elsewhere.csv"
    assert console.json("import", file, "--report", report)["report"] == str(report)
    assert report_of(report) == REFUSED[:1]


def test_json_lines_are_imported_too(console: Console, tmp_path: Path) -> None:
    items = [{"sku": "CD-X1", "quantity": 2, "unit_price": "11.77"}]
    order = {"order_ref": "r-1", "customer_id": "ada", "currency": "USD", "items": items}
    line = dict(zip(HEADER.split(","), SMALL[2].split(","), strict=True))
    file = tmp_path / "orders.jsonl"
    file.write_text(f"{json.dumps(order)}\n{json.dumps(line)}\n{{\n")
    summary = console.json("import", file, "--receive-stock", code=1)
    assert (summary["placed"], summary["refused_lines"]) == (2, 1)
    assert summary["payments"][0]["amount"] == "38.54"


def test_people_are_told_in_a_few_lines_without_bars_in_a_pipe(console: Console, file: Path) -> None:
    result = console("import", file, "--receive-stock", code=1)
    told = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert told[0].startswith("placed 2 orders in")
    assert told[1:5] == [
        "already there 0 orders",
        "refused 2 orders, 2 lines",
        "refused lines orders.csv.refused.csv",
        "stock received 6 pieces in 2 receipts",
    ]
    assert told[5].startswith("settled after")
    assert told[6:] == ["in the store now 2 CONFIRMED", "payments COMPLETED 2 of 38.54 USD"]
    assert result.stderr == ""


def test_the_user_stands_in_the_events(console: Console, file: Path) -> None:
    console("import", file, "--user", "eve", code=1)
    order = console.json("orders", "list", "--limit", 1)["items"][0]["order_id"]
    events = console.json("orders", "events", order)["events"]
    assert {event["user"] for event in events} == {"eve"}


@pytest.mark.parametrize("content", ["", "not,a,header\n", "\x00\xff"])
def test_a_file_that_does_not_hold_orders_records_nothing(
    console: Console, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content)
    error = console.error("import", file, code=2)
    assert error["code"] == "unusable_file"
    assert not (console.folder / "var").exists()


def test_a_file_that_is_not_there_or_a_folder_is_wrong_usage(console: Console, tmp_path: Path) -> None:
    assert console.error("import", tmp_path / "nowhere.csv", code=2)["code"] == "usage"
    assert console.error("import", tmp_path, code=2)["code"] == "usage"


def test_a_report_that_cannot_be_written_is_told_before_anything_is_recorded(
    console: Console, file: Path
) -> None:
    error = console.error("import", file, "--report", console.folder / "no" / "folder.csv", code=2)
    assert error["code"] == "unusable_file"
    assert not (console.folder / "var").exists()
