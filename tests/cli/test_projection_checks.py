"""What an operator asks about read models before, beside and after a rebuild."""

import os
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.payments import Payment
from system.bootstrap import Orderwright, build
from system.projections.order_dashboard.follower import OrderDashboard
from system.settings.environment import Settings
from tests.support.damage import spoil_row
from tests.support.settled import add_settled_orders
from tests.support.waiting import wait_until

from .console import Console


@pytest.fixture
def order(console: Console) -> str:
    """The id of the second of three confirmed orders."""
    console("stock", "receive", "TEAPOT", "10")
    placed = [place(console) for _ in range(3)]
    return placed[1]


def place(console: Console) -> str:
    """Place an order for a teapot."""
    words = (
        "--customer",
        "ada",
        "--currency",
        "USD",
        "--payment-method",
        "pm_ok",
        "--item",
        "TEAPOT:1:39.90",
    )
    return str(console.json("orders", "place", *words)["order_id"])


def store(console: Console) -> Orderwright:
    """The store behind the console."""
    return build(Settings.from_environment(console.environment))


def spoil(console: Console, table: str, order: str, **columns: str) -> None:
    """Have a row say something else."""
    orderwright = store(console)
    spoil_row(orderwright.dashboard, table, UUID(order), **columns)
    orderwright.close()


def test_a_wrong_row_is_shown_and_put_right_with_a_reason(console: Console, order: str) -> None:
    repair = ("projections", "repair", "OrderDashboard", "--order", order)
    assert "Nothing to do" in console(*repair).stdout
    spoil(console, "order_dashboard", order, total="1.00")

    shown = console(*repair, code=1).stdout
    assert "1.00" in shown
    assert "39.90" in shown
    assert "Nothing was changed" in shown
    assert "--yes needs a --reason" in console(*repair, "--yes", code=2).stderr
    done = console.json(*repair, "--yes", "--reason", "ticket 4711")

    assert done["is_done"]
    assert done["rows"][0]["columns"] == {"total": {"from": "1.00", "to": "39.90"}}
    assert "Nothing to do" in console(*repair).stdout


def test_a_read_model_is_about_orders_or_about_products(console: Console, order: str) -> None:
    assert "by --sku" in console("projections", "repair", "StockLevels", "--order", order, code=2).stderr
    assert "by --order" in console("projections", "repair", "SagaLog", "--sku", "TEAPOT", code=2).stderr
    assert "Nothing to do" in console("projections", "repair", "StockLevels", "--sku", "TEAPOT").stdout
    unknown = console.error("projections", "repair", "StockLevels", "--sku", "POT", code=1)
    assert unknown["code"] == "nothing_known"


def test_a_planted_wrong_total_is_caught_before_the_switch_and_can_be_accepted(
    console: Console, order: str
) -> None:
    console("projections", "rebuild", "OrderDashboard")
    spoil(console, "order_dashboard_v2", order, total="1.00")

    refused = console.error("projections", "switch", "OrderDashboard", code=1)
    assert refused["code"] == "unexplained_differences"
    assert order in refused["detail"]
    assert "--accept changed:total" in refused["detail"]
    shown = console("projections", "compare", "OrderDashboard", code=1).stdout
    assert order in shown
    assert "39.90" in shown
    (group,) = console.json("projections", "compare", "OrderDashboard", code=1)["groups"]
    assert (group["id"], group["rows"], group["first"]) == ("changed:total", 1, [order])
    accept = ("projections", "switch", "OrderDashboard", "--accept", "changed:total")
    assert "--accept needs a --reason" in console(*accept, code=2).stderr
    assert console.json("projections", "list")["items"][0]["served"] == 1

    done = console.json(*accept, "--reason", "rounded down since may")

    assert (done["version"], done["accepted"]) == (2, ["changed:total"])
    assert console.json("orders", "list")["items"][1]["total"] in ("1.00", "39.90")
    console("projections", "switch", "OrderDashboard", "--version", "1")


def test_where_nothing_differs_it_is_switched(console: Console, order: str) -> None:
    console("projections", "rebuild", "OrderDashboard")

    assert "No row differs" in console("projections", "compare", "OrderDashboard").stdout
    assert (
        "Version 2 of OrderDashboard is served" in console("projections", "switch", "OrderDashboard").stdout
    )


def test_a_rehearsal_names_what_would_fail_and_says_what_it_takes(
    console: Console, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse = ("projections", "rebuild", "OrderDashboard", "--rehearse")
    well = console.json(*rehearse, "--sample", 2, "--seed", 5)
    assert (well["failures"], well["seed"]) == ([], 5)
    forecast = well["forecast"]
    assert 0 <= forecast["from_seconds"] <= forecast["to_seconds"] > 0
    assert forecast["rows"] == {"order_dashboard": 3}
    assert 0 < forecast["bytes"] < forecast["free_bytes"]
    assert "To build it" in console(*rehearse).stdout

    handle = OrderDashboard.handle

    def fails(self: OrderDashboard, event: Any, work: Any) -> None:
        handle(self, event, work)
        if isinstance(event, Payment.Completed) and str(event.order_id) == order:
            raise ValueError("no such teapot")

    monkeypatch.setattr(OrderDashboard, "handle", fails)

    ill = console(*rehearse, code=1).stdout
    assert order in ill
    assert "no such teapot" in ill
    assert "Mend the code" in ill
    assert [version["version"] for version in versions_of(console, "OrderDashboard")] == [1]


def versions_of(console: Console, name: str) -> Any:
    """The versions of a read model."""
    return console.json("projections", "status", name)["versions"]


def test_a_read_model_is_written_as_it_was(console: Console, order: str, tmp_path: Path) -> None:
    created = console.json("orders", "show", order)["created_at"]
    console("orders", "cancel", order, "--reason", "changed my mind", "--yes")
    file = tmp_path / "then.sqlite"
    command = ("projections", "build", "order_dashboard", "--as-of", created, "--into", file)

    assert "rows of order_dashboard" in console(*command).stdout

    with closing(sqlite3.connect(file)) as connection:
        found = dict(connection.execute("SELECT order_id, status FROM order_dashboard").fetchall())
        about = dict(connection.execute("SELECT name, value FROM about").fetchall())
    assert found[order] == "CREATED"
    assert len(found) == 2  # the third was not placed yet
    assert about["read_model"] == "OrderDashboard"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert console.error(*command, code=2)["code"] == "unusable_file"
    early = console("projections", "build", "StockLevels", "--as-of", "1999-01-01", "--into", tmp_path / "e")
    assert "No event is that old" in early.stdout
    late = ("projections", "build", "StockLevels", "--as-of", "2999-01-01", "--into", tmp_path / "l")
    assert console.error(*late, code=1)["code"] == "moment_to_come"
    nowhere = (
        "projections",
        "build",
        "StockLevels",
        "--as-of",
        "2024-01-01",
        "--into",
        tmp_path / "no" / "f",
    )
    assert console.error(*nowhere, code=2)["code"] == "unusable_file"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e", "then.sqlite", "var"]


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_is_killed_leaves_no_file_and_can_be_made_again(
    console: Console, tmp_path: Path, by: signal.Signals
) -> None:
    orderwright = store(console)
    add_settled_orders(orderwright, 800)
    orderwright.close()
    folder = tmp_path / "files"
    folder.mkdir()
    command = ("projections", "build", "SagaLog", "--as-of", "2025-01-01", "--into", folder / "then.sqlite")
    process = console.start(*command)
    draft = folder / ".then.sqlite.part"

    wait_until(lambda: draft.exists() and draft.stat().st_size > 30_000, what="it is being made")
    os.kill(process.pid, by)
    _, told = process.communicate()

    assert process.returncode == (-by if by == signal.SIGKILL else 130), told
    assert not (folder / "then.sqlite").exists()
    assert list(folder.iterdir()) == ([draft] if by == signal.SIGKILL else [])
    made = console.json(*command)
    assert made["rows"]["fulfilments"] == 800
    assert [path.name for path in folder.iterdir()] == ["then.sqlite"]
