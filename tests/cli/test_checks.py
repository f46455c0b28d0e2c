"""`orderwright doctor` and `orderwright settings`."""

import json

import pytest

from application.inventory import Inventory
from system.settings.environment import Settings

from .console import Console


def test_a_healthy_store_ends_well(console: Console) -> None:
    report = console.json("doctor")
    assert report["is_healthy"] is True
    assert {check["name"] for check in report["checks"]} >= {
        "settings",
        "store",
        "positions",
        "parked events",
    }
    assert report["positions"][0].keys() >= {"follower", "leader", "position", "head"}
    assert console("doctor").stdout.endswith("Everything is in order.\n")


def test_what_waits_for_a_person_is_a_problem(console: Console) -> None:
    demo = console.json("demo", "--orders", 20)
    assert "refund fails" in [outcome["outcome"] for outcome in demo["outcomes"]]
    report = console.json("doctor", code=1)
    assert [check["name"] for check in report["checks"] if check["status"] == "problem"] == ["fulfilments"]
    assert "a compensation failed for good" in console("doctor", code=1).stdout


def test_a_parked_event_is_a_problem_and_listed(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ValueError("the shelves are gone")

    monkeypatch.setattr(Inventory, "reserve", break_down)
    console("demo", "--orders", 1)
    report = console.json("doctor", code=1)
    (parked,) = report["parked"]
    assert parked["follower"] == "Inventory"
    assert parked["event"]["error"] == "ValueError: the shelves are gone"
    assert "ValueError: the shelves are gone" in console("doctor", code=1).stdout


def test_unusable_settings_are_a_problem(console: Console) -> None:
    result = console("doctor", code=1, ORDERWRIGHT_TYPO="1")
    assert "ORDERWRIGHT_TYPO: there is no such setting" in result.stdout


def test_every_setting_is_listed_with_its_value_and_purpose(console: Console) -> None:
    listed = {row["name"]: row for row in console.json("settings")["settings"]}
    assert listed.keys() >= Settings.variables().keys()
    assert listed["ORDERWRIGHT_PAGE_SIZE"] == {
        "name": "ORDERWRIGHT_PAGE_SIZE",
        "default": "500",
        "value": "500",
        "purpose": "events that a follower processes in one transaction",
    }
    assert listed["ORDERWRIGHT_GATEWAY_RETRY_SECONDS"]["value"] == "0.01"
    assert all(row["purpose"] for row in listed.values())


def test_secrets_are_masked(console: Console) -> None:
    told = console(
        "settings",
        POSTGRES_PASSWORD="hunter2",
        ORDERS_POSTGRES_PASSWORD="hunter3",
        CIPHER_TOPIC="eventsourcing.cipher:AESCipher",
        CIPHER_KEY="hunter4hunter4hunter4w==",
    ).stdout
    assert "hunter" not in told
    assert {"POSTGRES_PASSWORD", "ORDERS_POSTGRES_PASSWORD", "CIPHER_KEY"} <= set(told.split())


def test_who_reads_a_name_for_postgresql_is_said(console: Console) -> None:
    told = json.loads(
        console(
            "settings",
            "--json",
            POSTGRES_SSLMODE="require",
            POSTGRES_SSLKEY="/etc/shop/client.key",
            POSTGRES_DB="shop",
            LEDGER_POSTGRES_URL="of another program",
        ).stdout
    )
    listed = {row["name"]: row for row in told["settings"]}
    assert listed["POSTGRES_SSLMODE"]["purpose"] == "read by the event store, when that is PostgreSQL"
    assert listed["POSTGRES_SSLKEY"]["value"] == "/etc/shop/client.key"
    assert listed["POSTGRES_DB"]["purpose"] == "read by other programs, not by orderwright"
    assert listed["LEDGER_POSTGRES_URL"]["purpose"] == "not read by orderwright"


def test_settings_that_cannot_be_used_are_listed_and_then_refused(console: Console) -> None:
    result = console("settings", code=2, ORDERWRIGHT_PAGE_SIZE="many")
    assert "many" in result.stdout
    assert "invalid_settings" in result.stderr
