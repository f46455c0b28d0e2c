"""The rights that docs/stores.md lists are enough, and one that is missing is told in a line."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from click.testing import CliRunner
from eventsourcing.persistence import PersistenceError
from psycopg.sql import SQL, Identifier

from system.persistence.postgres import migrations
from system.persistence.postgres.rights import NotAllowed
from system.recovery.read_models.building import rebuild
from system.recovery.read_models.switching import switch
from system.settings.environment import Settings
from system.snapshots.tables import SNAPSHOTS
from system.stores import migration_targets
from system.verification.run import verify
from tests.support.fixtures import PERSISTENCE, Environment, OpenWay, migrated
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, UnderOurRunner
from web.cli import main

GRANTED = """
    GRANT USAGE ON SCHEMA shop TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO {role};
    GRANT SELECT, USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA shop TO {role};"""
"""What docs/stores.md says."""


class Administrator:
    """Makes roles for one database, and gives them what they are told."""

    def __init__(self, postgres: PrivatePostgres, environment: Environment) -> None:
        self._postgres, self._environment = postgres, environment
        self.made: list[str] = []
        self.does("REVOKE ALL ON SCHEMA public FROM PUBLIC")

    def does(self, statements: str, role: str = "") -> None:
        """Do something as the superuser; ``{role}`` stands for a role."""
        with self._postgres.connected(self._environment["POSTGRES_DBNAME"]) as connection:
            connection.execute(SQL(statements).format(role=Identifier(role)))

    def role(self, gets: str = "") -> Environment:
        """The environment of a new role, that gets this."""
        name = f"role_{uuid4().hex}"
        self.does("CREATE ROLE {role} LOGIN", name)
        self.made.append(name)
        self.does(gets, name)
        tuned = {"PERSISTENCE_MODULE": PERSISTENCE["tuned"]}
        return self._environment | tuned | {"POSTGRES_USER": name, "POSTGRES_SCHEMA": "shop"}


@pytest.fixture
def administrator(postgres: PrivatePostgres, postgres_environment: Environment) -> Iterator[Administrator]:
    """Whoever manages the server."""
    administrator = Administrator(postgres, postgres_environment)
    yield administrator
    for role in administrator.made:
        administrator.does("DROP OWNED BY {role}; DROP ROLE {role}", role)


def settles(environment: Environment, open_way: OpenWay) -> None:
    """An order goes its way, and followers have their leases."""
    shop = Shop(open_way(UnderOurRunner, environment))
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    leases = shop.orderwright.leases()
    assert leases.renew(()) == leases.wanted
    leases.release()


@contextmanager
def told(message: str) -> Iterator[None]:
    """What is missing is said, in one line."""
    with pytest.raises(NotAllowed, match=message) as error:
        yield
    assert "\n" not in str(error.value)


def migrate(environment: Environment) -> None:
    """Migrate the store."""
    migrations.migrate(migration_targets(Settings.from_environment(environment)))


def test_who_owns_a_schema_and_may_make_none_migrates_and_runs(
    administrator: Administrator, open_way: OpenWay
) -> None:
    settles(migrated(administrator.role("CREATE SCHEMA shop AUTHORIZATION {role}")), open_way)


def test_who_may_make_things_in_a_schema_of_somebody_else_migrates_and_runs(
    administrator: Administrator, open_way: OpenWay
) -> None:
    administrator.does("CREATE SCHEMA shop")
    settles(migrated(administrator.role("GRANT USAGE, CREATE ON SCHEMA shop TO {role}")), open_way)


def test_who_may_read_and_write_rows_alone_runs_what_somebody_else_has_migrated(
    administrator: Administrator, open_way: OpenWay
) -> None:
    migrated(administrator.role("CREATE SCHEMA shop AUTHORIZATION {role}"))
    settles(administrator.role(GRANTED), open_way)


def test_who_may_read_and_write_rows_alone_uses_a_version_that_somebody_else_has_built(
    administrator: Administrator, open_way: OpenWay
) -> None:
    owner = migrated(administrator.role("CREATE SCHEMA shop AUTHORIZATION {role}"))
    served = administrator.role(GRANTED)
    shop = Shop(open_way(ByHand, owner))
    shop.receive("TEAPOT", 5)
    shop.settle()
    rebuild(shop.orderwright, "StockLevels", shop.context("olga"))
    switch(shop.orderwright, "StockLevels", shop.context("olga"), "")

    other = Shop(open_way(ByHand, served))
    other.receive("TEAPOT", 2)
    other.settle()
    assert other.orderwright.stock_levels.versions.used == 2
    assert other.stock("TEAPOT").on_hand == 7
    with pytest.raises(PersistenceError, match="permission denied for schema shop"):
        rebuild(other.orderwright, "StockLevels", other.context("olga"))


def test_who_may_read_and_write_rows_alone_verifies_and_counts_what_somebody_else_has_migrated(
    administrator: Administrator, open_way: OpenWay
) -> None:
    owner = migrated(administrator.role("CREATE SCHEMA shop AUTHORIZATION {role}"))
    with pytest.MonkeyPatch.context() as patched:
        for name, value in owner.items():
            patched.setenv(name, value)
        assert CliRunner().invoke(main, ["migrate"]).exit_code == 0

    other = Shop(open_way(ByHand, administrator.role(GRANTED)))
    other.receive("TEAPOT", 5)
    other.settle()

    assert verify(other.orderwright).is_clean
    with other.orderwright.event_counts() as counts:
        assert counts.advance(other.orderwright.inventory).kinds
    assert other.orderwright.snapshots.store.rows(f"SELECT 1 FROM @{SNAPSHOTS.name}", {}) == []


def test_a_right_that_is_missing_is_told_before_anything_is_made(administrator: Administrator) -> None:
    nobody = administrator.role()
    with told(r"there is no schema shop .* do CREATE SCHEMA \"shop\" AUTHORIZATION"):
        migrate(nobody)
    administrator.does("CREATE SCHEMA shop")
    with told(r"may not make tables in schema shop .* do GRANT USAGE, CREATE ON SCHEMA \"shop\" TO"):
        migrate(nobody)


def test_tables_of_somebody_else_are_not_migrated(
    administrator: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = administrator.role("CREATE SCHEMA shop AUTHORIZATION {role}")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        migrate(owner)
    other = administrator.role(GRANTED + "GRANT CREATE ON SCHEMA shop TO {role}")
    with told(f"belongs to role {owner['POSTGRES_USER']}, and only its owner may change it"):
        migrate(other)


def test_who_may_not_read_is_told_so_at_start(administrator: Administrator) -> None:
    migrated(administrator.role("CREATE SCHEMA shop AUTHORIZATION {role}"))
    nobody = administrator.role()
    with told("lacks a right in schema shop .*permission denied.* docs/stores.md lists those that it needs"):
        migrations.check(migration_targets(Settings.from_environment(nobody)))
