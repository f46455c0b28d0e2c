"""Errors are one line with a code, or an object with ``--json``; exit codes are as documented."""

from uuid import uuid4

import pytest

from system.queries import trail
from tests.support.waiting import PATIENCE_SECONDS
from web.cli.commands import EXIT_CODES

from .console import Console


def test_what_is_not_there_is_told_in_one_line(console: Console) -> None:
    order_id = uuid4()
    result = console("orders", "show", order_id, code=1)
    assert result.stdout == ""
    assert result.stderr == f"orderwright: there is no order {order_id} (order_not_found)\n"
    assert console.error("orders", "show", order_id, code=1) == {
        "code": "order_not_found",
        "detail": f"there is no order {order_id}",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("fulfilments show {}", "order_not_found"),
        ("payments show {}", "payment_not_found"),
        ("orders events {}", "order_not_found"),
        ("orders explain {}", "order_not_found"),
        ("orders show {} --version 3", "order_not_found"),
        ("orders show --ref nothing", "order_not_found"),
        ("stock receive TEA!1 5", "invalid_sku"),
        ("stock receive TEA-1 0", "invalid_quantity"),
        ("stock receive TEA-1 1000001", "invalid_quantity"),
    ],
)
def test_refusals_end_with_1(console: Console, words: str, code: str) -> None:
    assert console.error(*words.format(uuid4()).split(), code=1)["code"] == code


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("orders list --status DREAMING", "invalid_query"),
        ("orders list --sort colour", "invalid_query"),
        ("orders list --cursor nonsense", "invalid_query"),
        ("orders list --limit 501", "usage"),
        ("orders list --from yesterday", "usage"),
        ("orders list --from 2024-02-30", "usage"),
        ("orders show", "usage"),
        ("orders show nonsense", "usage"),
        ("orders show {} --ref r-1", "usage"),
        ("orders show {} --version 1 --as-of 2024-01-01", "usage"),
        ("stock receive TEA-1 many", "usage"),
        ("stock receive TEA-1 5 --user \x07", "usage"),
        ("fulfilments list --status DREAMING", "invalid_query"),
        ("demo --orders 0", "usage"),
        ("demo --orders 5 --events 500", "usage"),
        ("demo --days 5", "usage"),
        ("serve --port 70000", "usage"),
        ("dance", "usage"),
        ("--dance", "usage"),
    ],
)
def test_wrong_usage_ends_with_2(console: Console, words: str, code: str) -> None:
    assert console.error(*words.format(uuid4()).split(" "), code=2)["code"] == code


def test_people_are_shown_the_usage(console: Console) -> None:
    assert (
        "Usage: orderwright orders show [OPTIONS] ID" in console("orders", "show", "nonsense", code=2).stderr
    )


def test_unusable_settings_are_told_all_at_once(console: Console) -> None:
    wrong = {"ORDERWRIGHT_POLL_SECONDS": "never", "ORDERWRIGHT_TYPO": "1"}
    error = console.error("orders", "list", code=2, **wrong)
    assert error["code"] == "invalid_settings"
    assert "ORDERWRIGHT_POLL_SECONDS" in error["detail"]
    assert "ORDERWRIGHT_TYPO: there is no such setting" in error["detail"]


def test_a_store_that_cannot_be_opened_ends_with_3(console: Console) -> None:
    (console.folder / "file").write_text("not a folder")
    where = str(console.folder / "file" / "var")
    assert console.error("orders", "list", code=3, ORDERWRIGHT_DATA=where)["code"] == "store_unavailable"


def test_a_damaged_store_ends_with_3(console: Console) -> None:
    console("stock", "receive", "TEA-1", 1)
    for left in (console.folder / "var").glob("Orders.sqlite*"):
        left.unlink()
    (console.folder / "var" / "Orders.sqlite").write_bytes(b"this is no database" * 100)
    error = console.error("orders", "list", code=3)
    assert error["code"] == "store_unavailable"
    assert "the file of Orders: file is not a database" in error["detail"]
    assert "file is not a database" in console("doctor", code=1).stdout


def test_a_fault_in_the_program_shows_no_stack(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(trail, "in_causal_order", break_down)
    console("demo", "--orders", 1)
    order_id = console.json("orders", "list")["items"][0]["order_id"]
    result = console("orders", "events", order_id, code=70)
    assert result.stderr == (
        "orderwright: a fault in the program: ZeroDivisionError: division by zero (internal_error)\n"
    )


def test_the_help_documents_the_exit_codes(console: Console) -> None:
    told = console("--help").stdout
    assert all(line.strip() in told for line in EXIT_CODES.splitlines()[1:])


def test_a_reader_that_goes_away_is_no_fault(console: Console) -> None:
    process = console.start("settings", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=PATIENCE_SECONDS) == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""
