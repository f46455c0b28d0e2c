"""The store is verified by the command line, and the seals are told of a change."""

import re
import sqlite3
from contextlib import closing

from .console import Console


def damage(console: Console, position: int) -> None:
    """Have an order be in another currency."""
    with closing(sqlite3.connect(console.folder / "var" / "Orders.sqlite")) as file, file:
        (state,) = file.execute("SELECT state FROM stored_events WHERE rowid = ?", (position,)).fetchone()
        changed = re.sub(rb'"currency":"..."', b'"currency":"SEK"', state)
        assert changed != state
        file.execute("UPDATE stored_events SET state = ? WHERE rowid = ?", (changed, position))


def test_a_shop_with_every_outcome_is_as_it_should_be(console: Console) -> None:
    console("demo", "--orders", 30)

    first = console("store", "verify").output
    assert "Nothing is wrong." in first
    report = console.json("store", "verify", "--full")
    assert (report["is_clean"], report["is_full"], report["found"]) == (True, True, 0)
    assert {log["log"] for log in report["logs"] if log["sealed_to"]} >= {"Orders", "Payments", "Inventory"}
    assert all(log["sealed_to"] == log["head"] for log in report["logs"])
    assert report["compared"]["OrderDashboard"] == 30


def test_what_is_wrong_is_named_with_what_to_do_and_the_exit_code_says_so(console: Console) -> None:
    console("demo", "--orders", 10)
    console("store", "verify")
    damage(console, 2)

    told = console("store", "verify", code=1).output
    assert "event_altered" in told
    assert "position 2" in told
    report = console.json("store", "verify", "--sample", 0, code=1)
    (finding,) = [one for one in report["findings"] if one["table"] is None]
    assert (finding["verdict"], finding["application"], finding["position"]) == ("event_altered", "Orders", 2)
    assert "backup" in finding["advice"]
    assert "event_altered in Orders, position 2" in console("doctor", code=1).output


def test_seals_are_given_up_with_a_reason(console: Console) -> None:
    console("demo", "--orders", 10)
    console("store", "verify")
    damage(console, 2)

    shown = console("store", "reseal", "Orders", "--from", 1).output
    assert "the log differs from them at 1 positions: 2." in shown
    assert "Nothing was changed." in shown
    console("store", "verify", code=1)
    assert "needs a --reason" in console("store", "reseal", "Orders", "--from", 1, "--yes", code=2).output
    done = console.json(
        *("store", "reseal", "Orders", "--from", 1, "--yes", "--reason", "agreed with the customer")
    )
    assert (done["is_done"], done["differing"], done["positions"]) == (True, 1, [2])
    assert "Nothing is sealed there." in console("store", "reseal", "Orders", "--from", 1).output
    report = console.json("store", "verify", code=1)
    assert {one["verdict"] for one in report["findings"]} == {"row_differs"}  # that is sealed as it is now
