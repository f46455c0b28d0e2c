"""A store is opened to be read by a release that is not at work on it yet: as it is, and without a trace."""

import sqlite3
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from system.bootstrap import build, open_to_read
from system.deploying.check import deploy_check
from system.persistence.postgres import migrations
from system.persistence.postgres.migrations import MIGRATIONS, Migration, SchemaMismatch
from system.settings.environment import TUNED_POSTGRES, Settings
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.gateways import TroublesomeGateway
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

from .reports import assert_decides_the_same


def opened_shop(environment: Environment) -> Shop:
    """A shop with an order that is confirmed, and one under way."""
    shop = Shop(ByHand(environment, TroublesomeGateway(), StandingClock()))
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    shop.settle()
    shop.order("CD-X1")
    shop.way.advance("OrderFulfilment")  # type: ignore[attr-defined]  # by hand
    return shop


def test_a_store_is_checked_beside_the_service_before_it_is_migrated(
    durable_persistence: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, settings = opened_shop(durable_persistence), Settings.from_environment(durable_persistence)
    later = Migration(len(MIGRATIONS) + 1, "what the next release needs", MIGRATIONS[0].statements)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, later))
    if settings.persistence_module == TUNED_POSTGRES:
        with pytest.raises(SchemaMismatch):
            build(settings)

    reader = open_to_read(settings)
    try:
        report = deploy_check(reader)
    finally:
        reader.close()

    assert_decides_the_same(report)
    assert (report.open, report.ended) == (1, 1)
    shop.settle()
    shop.way.close()


def test_tables_that_an_earlier_release_did_not_have_are_not_missed_and_not_made(
    on_sqlite: Environment,
) -> None:
    opened_shop(on_sqlite).way.close()
    files = sorted(Path(on_sqlite["ORDERWRIGHT_DATA"]).glob("*.sqlite"))
    for file in files:
        with sqlite3.connect(file) as connection:
            connection.execute("DROP TRIGGER IF EXISTS stored_events_refused")
            for table in ("marks", "disagreements", "realignments"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.close()
    before = [file.read_bytes() for file in files]

    reader = open_to_read(Settings.from_environment(on_sqlite))
    try:
        assert_decides_the_same(deploy_check(reader))
    finally:
        reader.close()

    assert [file.read_bytes() for file in files] == before


def test_where_there_is_no_store_none_is_made(on_sqlite: Environment) -> None:
    with pytest.raises(OperationalError, match="there is no store"):
        open_to_read(Settings.from_environment(on_sqlite))

    assert not Path(on_sqlite["ORDERWRIGHT_DATA"]).exists()
