"""Another release asks a store whether it would decide as was decided, before it is put to work."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from domain.fulfilment import Fulfilment
from tests.architecture.test_planted_events import RINGS

from .console import ROOT, Console

_CHECK = "from web.cli import main; main()"
LATER = ("        allowed=timedelta(minutes=5),", "        allowed=timedelta(minutes=50),")


@pytest.fixture
def shop(console: Console) -> Console:
    """The shop of the demo."""
    console("demo", "--orders", 20)
    return console


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The tree of another release, to change something in."""
    tree = tmp_path / "release"
    for ring in RINGS:
        copytree(ROOT / ring, tree / ring)
    return tree


def rewrite(release: Path, module: str, before: str, after: str) -> None:
    """Change a line of the other release."""
    file = release / module
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))


def checked_by(release: Path, shop: Console, code: int) -> Any:
    """What the other release says of the store."""
    done = subprocess.run(
        [sys.executable, "-c", _CHECK, "deploy-check", "--json"],
        cwd=release,
        env={**os.environ, **shop.environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def files(shop: Console) -> dict[str, bytes]:
    """Every file of the store."""
    return {file.name: file.read_bytes() for file in (shop.folder / "var").iterdir()}


def test_the_release_that_decided_it_decides_the_same_and_writes_nothing(shop: Console) -> None:
    before = files(shop)

    text = shop("deploy-check").stdout

    assert text.endswith("This release decides as was decided.\n")
    assert "of 1 open saga all, of 19 ended ones 19" in text
    assert files(shop) == before


def test_a_changed_rule_is_caught_with_the_orders_that_it_concerns(shop: Console, release: Path) -> None:
    asked = "Fulfilment.ReservationRequested"
    found = shop.json("events", "find", "--type", asked, "--all")["items"]
    concerned = {event["correlation_id"] for event in found}
    rewrite(release, "domain/fulfilment/steps.py", *LATER)
    before = files(shop)

    report = checked_by(release, shop, code=1)

    assert {one["order_id"] for one in report["differences"]} == concerned
    assert report["differences_found"] == len(concerned) < 20
    one = report["differences"][0]
    assert (one["application"], one["version"], one["because"]) == ("OrderFulfilment", 4, "Payment.Completed")
    assert one["recorded"][1]["type"] == one["present"][1]["type"] == asked
    assert files(shop) == before


def test_a_difference_is_told_in_words(shop: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fulfilment, "order_confirmed", lambda *_: None)

    text = shop("deploy-check", code=1).stdout

    assert "because of Order.Confirmed:" in text
    assert "recorded      Fulfilment.Completed\n" in text
    assert "this release  nothing\n" in text
    assert "would decide otherwise.\n" in text


def test_only_open_sagas_are_looked_at_if_that_is_wanted(shop: Console) -> None:
    report = shop.json("deploy-check", "--sample", 0)

    assert (report["open"], report["sampled"], report["is_same"]) == (1, 0, True)


def test_without_a_store_it_makes_none(console: Console) -> None:
    error = console.error("deploy-check", code=3)

    assert "there is no store" in error["detail"]
    assert not (console.folder / "var").exists()
