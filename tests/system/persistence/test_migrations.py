"""Migrations of the tuned module: numbered, forward only, one at a time, and asked for at start."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from system.bootstrap import build
from system.persistence.postgres import migrations
from system.persistence.postgres.migrations import MIGRATIONS, SchemaMismatch
from system.persistence.tables import Table
from system.projections.stock_levels import STOCK_LEVELS
from system.settings.environment import Settings
from system.stores import migration_targets
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

STOCK = {"PERSISTENCE_MODULE": "eventsourcing.postgres"}
TUNED = {"PERSISTENCE_MODULE": "system.persistence.postgres"}


def ask(environment: Environment, statement: str) -> list[Any]:
    """What the database answers."""
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
    ) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def migrate(environment: Environment) -> int:
    """Migrate the store; how many steps were taken."""
    settings = Settings.from_environment(TUNED | environment)
    return len(migrations.migrate(migration_targets(settings)))


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [step.number for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_store_that_was_not_migrated_is_not_opened(postgres_environment: Environment) -> None:
    with pytest.raises(SchemaMismatch, match=r"have schema version 0, .*: run `orderwright migrate`"):
        build(Settings.from_environment(TUNED | postgres_environment))


def test_a_store_of_a_newer_release_is_not_opened_nor_migrated(postgres_environment: Environment) -> None:
    migrate(postgres_environment)
    ask(postgres_environment, "INSERT INTO orderwright_schema VALUES ('Payments', 999, 'future', now())")
    for attempt in (build, lambda settings: migrations.migrate(migration_targets(settings))):
        with pytest.raises(SchemaMismatch, match="tables of Payments have schema version 999"):
            attempt(Settings.from_environment(TUNED | postgres_environment))


def test_several_may_start_it_at_once_and_each_step_is_taken_once(postgres_environment: Environment) -> None:
    with ThreadPoolExecutor(4) as starters:
        taken = list(starters.map(migrate, [postgres_environment] * 4))
    targets = migration_targets(Settings.from_environment(TUNED | postgres_environment))
    assert sum(taken) == len(MIGRATIONS) * len(targets)
    assert migrate(postgres_environment) == 0


def test_a_store_of_the_library_is_taken_over_with_all_it_holds(
    postgres_environment: Environment, open_way: OpenWay
) -> None:
    before = Shop(open_way(ByHand, STOCK | postgres_environment))
    before.receive("CD-X1", 5)
    order = before.order("CD-X1")
    before.settle()
    before.way.close()

    migrate(postgres_environment)
    described = ask(
        postgres_environment,
        f"SELECT user_id, recorded_at IS NOT NULL FROM orders_events WHERE correlation_id = '{order}'",
    )
    assert described == [("ada", True), ("ada", True)]
    after = Shop(open_way(ByHand, TUNED | postgres_environment))
    assert after.status(order) == "CONFIRMED"
    another = after.order("CD-X1")
    after.settle()
    assert after.status(another) == "CONFIRMED"
    # The library goes on where the tuned module stopped, and the other way round.
    library = Shop(open_way(ByHand, STOCK | postgres_environment))
    third = library.order("CD-X1")
    library.settle()
    assert (library.status(another), after.status(third)) == ("CONFIRMED", "CONFIRMED")
    columns = "SELECT count(*) FROM orders_events WHERE correlation_id IS NULL OR recorded_at IS NULL"
    assert ask(postgres_environment, columns) == [(0,)]


def test_a_step_that_fails_leaves_nothing_and_is_taken_another_time(
    postgres_environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = migrations.Migration(
        2, "fails", lambda _: iter(["CREATE TABLE {schema}.{app}_half (a int)", "SELECT 1 / 0"])
    )
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (MIGRATIONS[0], fails))
        with pytest.raises(Exception, match="division by zero"):
            migrate(postgres_environment)
    assert ask(postgres_environment, "SELECT version FROM orderwright_schema") == [(1,)]
    assert ask(postgres_environment, "SELECT 1 FROM pg_class WHERE relname LIKE '%_half'") == []
    migrate(postgres_environment)
    build(Settings.from_environment(TUNED | postgres_environment)).close()


def test_a_later_step_adds_its_columns_to_every_version_of_a_read_model(
    postgres_environment: Environment, open_way: OpenWay
) -> None:
    migrate(postgres_environment)
    shop = Shop(open_way(ByHand, TUNED | postgres_environment))
    levels = shop.orderwright.stock_levels
    levels.versions.begin("then", "olga")
    with_price = replace(STOCK_LEVELS, columns={**STOCK_LEVELS.columns, "price": "BIGINT"})
    another = Table("prices", {"sku": "TEXT", "price": "BIGINT"}, ("sku",), {"prices_by_price": "(price)"})
    (target,) = [
        replace(one, tables=(with_price, another))
        for one in migration_targets(Settings.from_environment(TUNED | postgres_environment))
        if one.application == "StockLevels"
    ]
    (step,) = [step for step in MIGRATIONS if step.title == "read models"]
    for statement in step.statements(target):
        text = statement.replace("{schema}", '"public"').replace("{app}", target.prefix)
        ask(postgres_environment, text)

    for table in ("stock_levels", "stock_levels_v2", "prices", "prices_v2"):
        assert ask(postgres_environment, f"SELECT price FROM {table}") == []
    stored = ask(
        postgres_environment, "SELECT number, shape, state FROM stocklevels_versions ORDER BY number"
    )
    assert stored == [(1, levels.shape(), "ready"), (2, levels.shape(), "building")]
