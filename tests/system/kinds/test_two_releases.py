"""Two releases on one store: the newer one records an event in a version that the older one does not know."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.waiting import PATIENCE_SECONDS
from web.cli import main

ROOT = Path(__file__).parents[3]
RINGS = ("domain", "application", "system", "web")
NEXT_VERSION = '''        class_version = 3

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            """Version 2 had the same fields."""

'''
PLACE_ALONE = """
import os
from datetime import UTC, datetime
from decimal import Decimal
from application.base import CommandContext
from application.orders import Item, PlaceOrder
from system.bootstrap import build
from system.settings.environment import Settings
shop = build(Settings.from_environment(os.environ))
command = PlaceOrder("ada", "USD", "pm_ok", [Item("TEAPOT", 1, Decimal("11.77"))], order_ref="r-2")
shop.orders.place_order(command, CommandContext("c-2", datetime.now(UTC), "ada"))
shop.close()
"""
"""As a process of the API does, while the followers are run by others."""

Release = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path) -> dict[str, str]:
    return {
        "ORDERWRIGHT_DATA": str(tmp_path / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
        "USER": "ada",
    }


def run(tree: Path, code: str, *words: str, environment: dict[str, str]) -> str:
    """Run code of a release in a process of its own; what it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def old(store: dict[str, str]) -> Release:
    """Commands of this release, in this process."""

    def typed(*words: str, expected: int = 0, **more: str) -> str:
        done = CliRunner().invoke(main, words, env=store | more, prog_name="orderwright")
        assert done.exit_code == expected, f"{words}: {done.output}"
        return str(done.output)

    return typed


@pytest.fixture
def new_tree(tmp_path: Path) -> Path:
    """The release after this one, which records `Order.Created` in the next version."""
    tree = tmp_path / "next"
    for ring in RINGS:
        copytree(ROOT / ring, tree / ring)
    order = tree / "domain/orders/order.py"
    order.write_text(order.read_text().replace("        class_version = 2\n", NEXT_VERSION))
    return tree


@pytest.fixture
def new(new_tree: Path, store: dict[str, str]) -> Release:
    """Its commands."""
    return lambda *words: run(new_tree, "from web.cli import main; main()", *words, environment=store)


def place(release: Release, reference: str, **more: Any) -> None:
    item = ("--customer", "ada", "--currency", "USD", "--payment-method", "pm_ok", "--item", "TEAPOT:1:11.77")
    release("orders", "place", *item, "--ref", reference, **more)


def status(release: Release, reference: str) -> str:
    return str(json.loads(release("orders", "show", "--ref", reference, "--json"))["status"])


@pytest.mark.service
def test_readers_first_then_writers_and_back(
    old: Release, new: Release, new_tree: Path, store: dict[str, str]
) -> None:
    # The old release works; the new one reads what it recorded, and writes nothing yet.
    old("stock", "receive", "TEAPOT", "10")
    place(old, "r-1")
    new("events", "catalogue")

    # A writer of the new release records an event that no reader of the new release has seen.
    run(new_tree, PLACE_ALONE, environment=store)

    # A process of the old release that starts now is refused, and only looking is not.
    refused = old("stock", "receive", "TEAPOT", "1", expected=3)
    assert (
        "1 of Order.Created in version 3 (this release knows version 2), the first at position 3" in refused
    )
    assert "Not known here: 1 of Order.Created in version 3" in old("events", "catalogue", expected=1)
    assert status(old, "r-1") == "CONFIRMED"

    # There is nothing but the old release: what it does not know waits, everything else moves on.
    place(old, "r-3", ORDERWRIGHT_PARK_NEWER_EVENTS="y")
    assert status(old, "r-3") == "CONFIRMED"
    parked = json.loads(old("dead-letters", "list", "--json"))["items"]
    assert {case["case_id"].partition(":")[0] for case in parked} == {"OrderFulfilment", "OrderDashboard"}

    # The new release is back, and goes on with what waited.
    new("dead-letters", "retry", "--all", "--error", "this release knows", "--yes")
    assert status(new, "r-2") == "CONFIRMED"
    versions = json.loads(new("events", "catalogue", "--type", "Order.Created", "--json"))["kinds"][0][
        "versions"
    ]
    assert [(one["version"], one["events"]) for one in versions] == [(3, 1), (2, 2), (1, 0)]
