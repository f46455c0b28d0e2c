"""A store whose read models were made by an earlier release gets what is new."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from system.persistence.postgres import migrations
from system.settings.environment import TUNED_POSTGRES, Settings
from system.stores import migration_targets
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way

OF_THE_SAGA_LOG = (
    "ALTER TABLE saga_log DROP COLUMN next_at",
    "DROP TABLE saga_deadlines",
    "CREATE TABLE saga_deadlines (order_id TEXT, step TEXT, due_at TEXT, PRIMARY KEY (order_id, step))",
    "INSERT INTO saga_deadlines VALUES ('an order that has ended', 'ProcessPayment', NULL)",
)
OF_THE_LEDGER = (
    "DROP INDEX payment_ledger_unknown",
    *(
        f"ALTER TABLE payment_ledger DROP COLUMN {column}"
        for column in (
            "call_first",
            "unanswered",
            "failing_since",
            "unknown_since",
            "last_error",
            "call_next_at",
        )
    ),
)


def take_back(environment: Environment) -> None:
    """Undo what this release added to the tables."""
    if "POSTGRES_DBNAME" not in environment:
        folder = Path(environment["ORDERWRIGHT_DATA"])
        for name, statements in (("SagaLog", OF_THE_SAGA_LOG), ("PaymentLedger", OF_THE_LEDGER)):
            connection = sqlite3.connect(folder / f"{name}.sqlite", isolation_level=None)
            run(connection.execute, statements)
            connection.close()
        return
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
        autocommit=True,
    ) as connection_:
        run(lambda statement: connection_.execute(statement.encode()), (*OF_THE_SAGA_LOG, *OF_THE_LEDGER))
        if environment["PERSISTENCE_MODULE"] == TUNED_POSTGRES:
            connection_.execute("DELETE FROM orderwright_schema WHERE version >= 7")


def run(execute: Callable[[str], object], statements: Sequence[str]) -> None:
    """Run statements, one after the other."""
    for statement in statements:
        execute(statement)


def test_columns_and_tables_of_this_release_are_added(
    durable_persistence: Environment, open_way: Callable[..., Way]
) -> None:
    way = open_way(ByHand, durable_persistence)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    earlier = shop.order("CD-X1")
    shop.settle()
    way.close()
    take_back(durable_persistence)
    if durable_persistence["PERSISTENCE_MODULE"] == TUNED_POSTGRES:
        targets = migration_targets(Settings.from_environment(durable_persistence))
        with pytest.raises(migrations.SchemaMismatch):
            migrations.check(targets)
        migrations.migrate(targets)

    shop = Shop(open_way(ByHand, durable_persistence))
    later = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_error_once", "pm_timeout")]
    shop.settle()

    assert {shop.status(order) for order in (earlier, *later)} == {"CONFIRMED"}
    assert not shop.orderwright.saga_log.rows("SELECT * FROM @saga_deadlines"), "earlier ones kept them"
    assert any(step.next_at for step in shop.orderwright.saga_log.fulfilment(later[1]).steps)
