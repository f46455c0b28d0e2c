"""The catalogue of events and the harvest, from the command line."""

import json
import sqlite3

import pytest

from .console import Console
from .files import SMALL, write_orders


@pytest.fixture
def shop(console: Console) -> Console:
    """A store with a confirmed order of ada's (r-1) and one of eve's (r-2)."""
    console("import", write_orders(console.folder / "orders.csv", *SMALL[:3]), "--receive-stock")
    return console


def test_every_kind_and_version_is_listed_with_how_many_are_stored(shop: Console) -> None:
    lines = shop("events", "catalogue", "--quiet").stdout.splitlines()

    assert lines[0].split() == ["event", "version", "stored", "first", "last", "handled", "by"]
    created = next(line.split() for line in lines if line.startswith("Order.Created "))
    assert (created[1], created[2]) == ("2", "2")
    assert created[-2:] == ["OrderFulfilment,", "OrderDashboard"]
    assert not any("Not known here" in line for line in lines)


def test_one_kind_is_shown_with_its_fields_and_who_reads_it(shop: Console) -> None:
    told = shop("events", "catalogue", "--type", "Order.Created").stdout
    assert "A customer placed an order." in told
    assert "Version 1 knew one currency" in told
    assert "in the event's currency, with exactly its decimals" in told

    (kind,) = shop.json("events", "catalogue", "--type", "Order.Created")["kinds"]
    assert [(one["version"], one["events"]) for one in kind["versions"]] == [(2, 2), (1, 0)]
    error = shop.error("events", "catalogue", "--type", "Order.Crated", code=2)
    assert "there is no kind of event 'Order.Crated'" in error["detail"]


def test_what_this_release_does_not_know_is_named_and_the_exit_code_says_so(shop: Console) -> None:
    with sqlite3.connect(shop.folder / "var" / "Orders.sqlite") as file:
        (state,) = file.execute("SELECT state FROM stored_events WHERE rowid = 1").fetchone()
        newer = json.dumps({**json.loads(state), "class_version": 3}).encode()
        file.execute("UPDATE stored_events SET state = ? WHERE rowid = 1", (newer,))
    file.close()

    told = shop("events", "catalogue", code=1).stdout
    assert "Not known here: 1 of Order.Created in version 3, the first at position 1 of Orders" in told
    (check,) = [one for one in shop.json("doctor", code=1)["checks"] if one["name"] == "event versions"]
    assert check["status"] == "problem"
    assert "1 of Order.Created in version 3 (this release knows version 2)" in check["detail"]


def test_samples_are_taken_into_a_folder_and_no_other_is_touched(shop: Console) -> None:
    report = shop.json("events", "harvest", "--into", "corpus", "--quiet")
    assert report["samples"] > 10
    assert report["left_out"] == []
    assert (
        "0 samples in 0 stories were added to corpus" in shop("events", "harvest", "--into", "corpus").stdout
    )

    error = shop.error("events", "harvest", "--into", "var", code=2)
    assert error["code"] == "unusable_file"
    assert "var is no corpus" in error["detail"]
    assert not (shop.folder / "var" / "corpus.json").exists()
