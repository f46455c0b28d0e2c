"""`orderwright snapshots`."""

from pathlib import Path
from typing import Any

from domain.shared.ids import stock_item_id
from system.bootstrap import build
from system.settings.environment import Settings
from tests.support.snapshots import sell_well

from .console import Console

TEAPOT = stock_item_id("TEAPOT")


def sold_well(tmp_path: Path, *skus: str) -> None:
    """Products with long streams in the store of the console, as in one that an earlier release has left."""
    own = {"ORDERWRIGHT_DATA": str(tmp_path / "var"), "ORDERWRIGHT_SNAPSHOT_EVERY": "0"}
    orderwright = build(Settings.from_environment(own))
    for sku in skus:
        sell_well(orderwright, sku, 150)
    orderwright.close()


def test_snapshots_are_taken_told_and_dropped(console: Console, tmp_path: Path) -> None:
    assert console.json("snapshots", "status")["count"] == 0
    sold_well(tmp_path, "TEAPOT", "CUP")

    assert console.json("snapshots", "take", TEAPOT) == {"taken": 1, "unchanged": 0, "failed": {}}
    text = console("snapshots", "take", "--all").stdout
    assert text == "1 snapshots were taken. Of 1 streams there is one as new.\n"

    told = console.json("snapshots", "status")
    assert (told["count"], told["fault"], told["queue_length"]) == (2, None, 0)
    assert [(kind["aggregate"], kind["count"], kind["every"]) for kind in told["kinds"] if kind["count"]] == [
        ("StockItem", 2, 100)
    ]
    text = console("snapshots", "status").stdout
    assert "StockItem" in text

    assert "Drop 1 snapshots?" in console("snapshots", "drop", TEAPOT, code=130).stderr
    assert console.json("snapshots", "drop", TEAPOT, "--yes") == {"dropped": 1}
    assert console("snapshots", "drop", "--application", "Orders").stdout == "There is none to drop.\n"
    assert console("snapshots", "drop", "--all", "--yes").stdout == "1 snapshots were dropped.\n"
    assert console.json("snapshots", "status")["count"] == 0


def test_what_is_meant_has_to_be_said(console: Console) -> None:
    assert "name one stream" in console.error("snapshots", "take", code=2)["detail"]
    assert "name one stream" in console.error("snapshots", "take", TEAPOT, "--all", code=2)["detail"]
    assert "name one stream" in console.error("snapshots", "drop", code=2)["detail"]
    assert console.error("snapshots", "take", TEAPOT, code=1)["code"] == "stream_not_found"


def test_a_command_that_reaches_the_number_takes_one_before_it_ends(console: Console) -> None:
    often: Any = {"ORDERWRIGHT_SNAPSHOT_EVERY_STOCKITEM": "2"}
    for _ in range(2):
        console("stock", "receive", "TEAPOT", "5", **often)
    assert console.json("snapshots", "status")["count"] == 1


def test_a_file_of_snapshots_that_is_none_hurts_nobody(console: Console, tmp_path: Path) -> None:
    sold_well(tmp_path, "TEAPOT")
    (tmp_path / "var" / "Snapshots.sqlite").write_bytes(b"this is no database" * 100)

    told = console.json("snapshots", "status")
    assert told["fault"] is not None
    console("stock", "receive", "TEAPOT", "5")
    assert console.json("doctor")["is_healthy"]
    assert console.error("snapshots", "take", "--all", code=3)
