"""A database that cannot hold the system is refused by name, with the cure, before anything is made there;
what can be set for a session is set, whatever the database says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg.sql import SQL, Identifier, Literal

from system.bootstrap import build
from system.operations.doctor import Verdict
from system.operations.doctor import examine as ask_doctor
from system.persistence.postgres import suitable
from system.persistence.postgres.suitable import TakesNoWrites, UnsuitableDatabase, examine
from system.settings.environment import Settings
from system.stores import databases_of
from tests.cli.console import Console
from tests.support.fixtures import PERSISTENCE, Environment, OpenWay, migrated
from tests.support.pooler import TransactionPooler
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.ways import UnderOurRunner

MODULES = ("postgres", "tuned")


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest) -> Environment:
    """Each module for PostgreSQL."""
    return {"PERSISTENCE_MODULE": PERSISTENCE[request.param]}


@pytest.fixture
def role(postgres: PrivatePostgres, postgres_environment: Environment) -> Iterator[str]:
    """A role that may log in, and that owns the database of the test."""
    name = f"role_{uuid4().hex}"
    with postgres.connected("postgres") as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
        database = Identifier(postgres_environment["POSTGRES_DBNAME"])
        connection.execute(SQL("ALTER DATABASE {} OWNER TO {}").format(database, Identifier(name)))
    yield name
    with postgres.connected(postgres_environment["POSTGRES_DBNAME"]) as connection:
        connection.execute(SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(Identifier(name)))
        connection.execute(SQL("DROP OWNED BY {}").format(Identifier(name)))
        connection.execute(SQL("DROP ROLE {}").format(Identifier(name)))


def set_for(postgres: PrivatePostgres, environment: Environment, **values: str) -> None:
    """Have a database give every session these settings."""
    database = Identifier(environment["POSTGRES_DBNAME"])
    with postgres.connected("postgres") as connection:
        for name, value in values.items():
            statement = SQL("ALTER DATABASE {} SET {} = {}")
            connection.execute(statement.format(database, SQL(name), Literal(value)))


def tables(postgres: PrivatePostgres, environment: Environment) -> list[Any]:
    """What was made in a database."""
    with postgres.connected(environment["POSTGRES_DBNAME"]) as connection:
        return connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchall()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused_and_left_as_it_is(
    postgres: PrivatePostgres, module: Environment, encoding: str, tmp_path: Path
) -> None:
    name = f"test_{uuid4().hex}"
    with postgres.connected("postgres") as connection:
        statement = "CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        connection.execute(SQL(statement).format(Identifier(name), Literal(encoding)))
    environment = module | postgres.environment(name)
    try:
        refused = f"database {name} on .*: its encoding is {encoding}, .* UTF8 is needed: make another one"
        with pytest.raises(UnsuitableDatabase, match=refused):
            build(Settings.from_environment(environment))
        if module["PERSISTENCE_MODULE"] == PERSISTENCE["tuned"]:
            console = Console(tmp_path, environment)
            assert f"{name} on" in console("migrate", code=3).stderr
            console.close()
        (check,) = [check for check in ask_doctor(environment).checks if check.name == "store"]
        assert (check.status, encoding in check.detail) == (Verdict.PROBLEM, True)
        assert tables(postgres, environment) == []
    finally:
        postgres.drop_database(name)


def test_texts_are_sent_as_utf8_whatever_the_client_and_the_database_prefer(
    on_postgres: Environment, postgres: PrivatePostgres, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    set_for(postgres, on_postgres, client_encoding="SQL_ASCII")
    try:
        shop = Shop(open_way(UnderOurRunner, on_postgres))
        shop.receive("CD-X1", 5)
        order = shop.order("CD-X1", customer="Žofie €")
        shop.settle()
        assert shop.status(order) == "CONFIRMED"
    finally:
        reset(postgres, on_postgres)


RELIED_ON = {
    "standard_conforming_strings": ("off", "on"),
    "synchronous_commit": ("off", "on"),
    "default_transaction_isolation": ("serializable", "read committed"),
    "DateStyle": ("German, DMY", "ISO, DMY"),
    "lock_timeout": ("17s", "2s"),
    "statement_timeout": ("17s", "30s"),
}


def reset(postgres: PrivatePostgres, environment: Environment) -> None:
    """Have a database that others use as well give its sessions what the server does."""
    with postgres.connected("postgres") as connection:
        connection.execute(
            SQL("ALTER DATABASE {} RESET ALL").format(Identifier(environment["POSTGRES_DBNAME"]))
        )


@pytest.fixture
def of_its_own(module: Environment, postgres_environment: Environment) -> Environment:
    """A database that nobody has a connection to from before it was set for."""
    environment = postgres_environment | module
    is_tuned = module["PERSISTENCE_MODULE"] == PERSISTENCE["tuned"]
    return migrated(environment) if is_tuned else environment


def test_what_a_session_relies_on_is_set_for_it(of_its_own: Environment, postgres: PrivatePostgres) -> None:
    set_for(postgres, of_its_own, **{name: theirs for name, (theirs, _) in RELIED_ON.items()})
    orderwright = build(Settings.from_environment(of_its_own))
    try:
        datastore: Any = orderwright.orders.recorder
        with datastore.datastore.get_connection() as connection:
            for name, (_, ours) in RELIED_ON.items():
                row = connection.execute(f"SELECT current_setting('{name}') AS value").fetchone()
                assert (row["value"] if isinstance(row, dict) else row[0]) == ours, name
    finally:
        orderwright.close()


def test_how_far_a_commit_goes_is_left_to_the_operator(
    postgres_environment: Environment, postgres: PrivatePostgres
) -> None:
    environment = migrated(postgres_environment)
    set_for(postgres, environment, synchronous_commit="remote_apply")
    orderwright = build(Settings.from_environment(environment))
    try:
        recorder: Any = orderwright.orders.recorder
        with recorder.datastore.get_connection() as connection:
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("remote_apply",)
    finally:
        orderwright.close()


def test_where_nothing_may_be_written_no_process_starts_and_everything_can_be_read(
    of_its_own: Environment, postgres: PrivatePostgres
) -> None:
    settings = Settings.from_environment(of_its_own)
    build(settings).close()
    set_for(postgres, of_its_own, default_transaction_read_only="on")
    with pytest.raises(TakesNoWrites, match="default_transaction_read_only is on, so it takes no writes"):
        build(settings, must_write=True)
    checks = {check.name: check for check in ask_doctor(of_its_own | {"CREATE_TABLE": "n"}).checks}
    assert checks["database"].status is Verdict.PROBLEM
    assert "default_transaction_read_only is on" in checks["database"].detail


def test_a_standby_takes_no_writes() -> None:
    with PrivatePostgres() as server:
        server.create_database("shop")
        environment = migrated(server.environment("shop"))
        build(Settings.from_environment(environment)).close()
        server.stop()
        (server.folder / "data" / "standby.signal").touch()
        server.start()
        settings = Settings.from_environment(environment)
        with pytest.raises(TakesNoWrites, match=r"database shop on .*: it is a standby, .* name the primary"):
            build(settings, must_write=True)
        build(settings).close()


def test_too_few_connections_are_told_before_they_are_missed(
    postgres: PrivatePostgres, postgres_environment: Environment, role: str
) -> None:
    migrated(postgres_environment)
    environment = postgres_environment | {"PERSISTENCE_MODULE": PERSISTENCE["tuned"], "POSTGRES_USER": role}

    def allow(number: int) -> None:
        with postgres.connected("postgres") as connection:
            connection.execute(
                SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(Identifier(role), Literal(number))
            )

    settings = Settings.from_environment(environment)
    allow(3)
    with pytest.raises(
        UnsuitableDatabase, match=f"role {role} may have 3 connections, and one process needs 4"
    ):
        build(settings)
    allow(20)
    (database,) = databases_of(settings)
    (risk,) = [line for line in examine(database).risks if "connections" in line]
    assert f"role {role} may have 20 connections, and one process opens up to 35 under load" in risk
    allow(-1)
    assert [line for line in examine(database).risks if "connections" in line] == []


def test_a_server_that_loses_what_it_has_acknowledged_is_told_and_taken(
    on_postgres: Environment,
) -> None:
    """The server of the tests does so: it may be lost with the power."""
    (check,) = [check for check in ask_doctor(on_postgres).checks if check.name == "database"]
    assert check.status is Verdict.WARNING
    assert (
        "off on its server: fsync and full_page_writes, so a power cut may take away orders" in check.detail
    )


def test_a_server_that_is_too_old_is_refused(
    on_postgres: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suitable, "OLDEST_VERSION", 990000)
    with pytest.raises(
        UnsuitableDatabase, match=r"its server is PostgreSQL \d+\..*, and 99 or newer is needed"
    ):
        build(Settings.from_environment(on_postgres))


def test_a_pooler_that_keeps_no_sessions_is_found_out_and_leaves_nothing_of_us_behind(
    postgres: PrivatePostgres, module: Environment, postgres_environment: Environment, tmp_path: Path
) -> None:
    migrated(postgres_environment)
    with TransactionPooler(postgres, postgres_environment["POSTGRES_DBNAME"]) as pooler:
        environment = module | pooler.environment
        with pytest.raises(
            UnsuitableDatabase, match=r"hands each transaction to another session, .* session"
        ):
            build(Settings.from_environment(environment))
        console = Console(tmp_path, pooler.environment | {"PERSISTENCE_MODULE": PERSISTENCE["tuned"]})
        assert "pool_mode = session" in console("migrate", code=3).stderr
        console.close()
        with postgres.connected(postgres_environment["POSTGRES_DBNAME"]) as connection:
            locks = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
            assert connection.execute(locks).fetchall() == []
