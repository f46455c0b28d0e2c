"""Ready means: a command would now be taken. Each fault is made for real, on PostgreSQL."""

import contextlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from system.bootstrap import Orderwright, build
from system.runner.service import RunnerService
from system.settings.environment import Settings
from tests.support.fixtures import PERSISTENCE, Environment, migrated
from tests.support.postgres import PrivatePostgres
from tests.support.waiting import wait_until
from tests.web.api import Answer, Api, an_order
from tests.web.raw import ask, get, post
from tests.web.serving import THREADS, served
from web.api.app import create_app

"""Readiness is told within about a second; this leaves room for a busy machine."""

MODULES = ("postgres", "tuned")


@pytest.fixture(scope="module")
def database() -> Iterator[PrivatePostgres]:
    """A server that the tests of this module may hinder. It takes few connections."""
    with PrivatePostgres(settings={"max_connections": "40"}) as server:
        yield server


@pytest.fixture
def environment(request: pytest.FixtureRequest, database: PrivatePostgres) -> Iterator[Environment]:
    """An empty store on that server; tuned, unless the test names the module."""
    database.create_database("shop")
    yield prepared(getattr(request, "param", "tuned"), database.environment("shop"))
    database.drop_database("shop")


def prepared(module: str, environment: Environment) -> Environment:
    """The environment of a store that is ready to be opened."""
    if module == "tuned":
        migrated(environment)
    return {**environment, "PERSISTENCE_MODULE": PERSISTENCE[module]}


@contextlib.contextmanager
def opened(environment: Environment) -> Iterator[Api]:
    """The API of a store that a runner of its own follows, and ready."""
    orderwright, runner = (build(Settings.from_environment(environment)) for _ in range(2))
    service = RunnerService(runner)
    service.start()
    try:
        api = Api(create_app(orderwright).test_client(), orderwright)
        wait_until(lambda: ready(api).status == 200, what="it is ready")
        yield api
    finally:
        service.stop()
        for system in (orderwright, runner):
            system.close()


def ready(api: Api) -> Answer:
    """What readiness says, which it does while the fault lasts: a caller ends that only afterwards."""
    return Answer(api.client.get("/readyz"))


@pytest.mark.parametrize("environment", MODULES, indirect=True)
def test_a_locked_table_of_events(environment: Environment, database: PrivatePostgres) -> None:
    with opened(environment) as api:
        with database.connected("shop") as other, other.transaction():
            other.execute("LOCK TABLE orders_events IN ACCESS EXCLUSIVE MODE")
            wait_until(lambda: ready(api).status == 503, what="it is not ready")
        wait_until(lambda: ready(api).status == 200, what="it is ready again")
        api.placed()


def test_leases_that_cannot_be_read(environment: Environment, database: PrivatePostgres) -> None:
    """Then nobody knows who follows; orders are taken all the same, and readiness tells both soon."""
    with opened(environment) as api, database.connected("shop") as other, other.transaction():
        other.execute("LOCK TABLE orderwright_leases IN ACCESS EXCLUSIVE MODE")
        wait_until(lambda: ready(api).status == 503, what="it is not ready")
        store, runner, *_ = ready(api).json["checks"]
        assert (store["ok"], runner["ok"]) == (True, False)
        assert runner["detail"] == "which process runs which follower is not known"


def test_connections_that_are_all_in_use(environment: Environment, database: PrivatePostgres) -> None:
    """Orders are taken over the connections that are there, so it is ready."""
    others: list[psycopg.Connection[object]] = []
    with opened(environment) as api:
        try:
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    others.append(database.connected("shop"))
            assert len(others) > 1
            for _ in range(3):
                api.placed()
                assert ready(api).status == 200
        finally:
            for other in others:
                other.close()


@pytest.fixture
def small_disk(database: PrivatePostgres) -> Iterator[Path]:
    """A file system of a few megabytes in which PostgreSQL may keep tables; only root can make one."""
    folder = database.folder / "small"
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        (folder / "tables").mkdir()
        owner = (database.folder / "data").stat()
        os.chown(folder / "tables", owner.st_uid, owner.st_gid)
        (folder / "tables").chmod(0o700)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("module", MODULES)
def test_a_full_disk(module: str, database: PrivatePostgres, small_disk: Path) -> None:
    with database.connected("postgres") as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk / 'tables'}'".encode())
        connection.execute("CREATE DATABASE shop TABLESPACE small")
    try:
        with opened(prepared(module, database.environment("shop"))) as api:
            api.placed()
            fill(small_disk / "filler")
            wait_until(lambda: api.place().status == 503, what="no order is taken")
            assert api.place().code == "store_full"
            for _ in range(3):
                assert ready(api).status == 503
                assert api.place().status == 503
            # Nobody commands anything any more, so that the trial write alone has to tell.
            wait_until(lambda: "not taken" not in ready(api).response.text, what="commands are forgotten")
            assert ready(api).status == 503
            (small_disk / "filler").unlink()
            wait_until(lambda: ready(api).status == 200, what="it is ready again")
            api.placed()
    finally:
        database.drop_database("shop")
        with database.connected("postgres") as connection:
            connection.execute("DROP TABLESPACE small")


def fill(file: Path) -> None:
    """Write until nothing more fits."""
    with file.open("wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                continue


@pytest.fixture
def without_standby(database: PrivatePostgres) -> Iterator[Callable[[], None]]:
    """Every commit waits for a standby that does not answer; what ends that."""

    def wait_for(standby: str) -> None:
        with database.connected("postgres") as connection:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'".encode())
            connection.execute("SELECT pg_reload_conf()")
            shown = f"SELECT current_setting('synchronous_standby_names') = '{standby}'".encode()
        wait_until(lambda: _asked(database, shown), what="the setting holds")

    wait_for("far_away")
    yield lambda: wait_for("")
    wait_for("")


def _asked(database: PrivatePostgres, question: bytes) -> bool:
    with database.connected("postgres") as connection:
        row = connection.execute(question).fetchone()
        return bool(row and row[0])


def test_a_standby_that_does_not_answer(
    environment: Environment, database: PrivatePostgres, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every thread waits with a command: readiness says so, and the process is alive all the same."""
    with served(tmp_path, **environment) as server:
        order = post("/api/v1/orders", json.dumps(an_order()).encode())
        assert ask(server.port, order).status == 201
        end_of_fault = request.getfixturevalue("without_standby")
        with ThreadPoolExecutor(2 * THREADS) as customers:
            orders = [customers.submit(ask, server.port, order) for _ in range(2 * THREADS)]
            for _ in range(3):
                assert ask(server.port, get("/readyz")).status == 503
                assert ask(server.port, get("/livez")).status == 200
            assert not any(one.done() for one in orders)
            end_of_fault()
            assert {one.result().status for one in orders} == {201}


@pytest.mark.parametrize("environment", MODULES, indirect=True)
def test_a_trial_write_changes_no_table(environment: Environment, database: PrivatePostgres) -> None:
    sizes = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname LIKE '%events'"
    with opened(environment) as api, database.connected("shop") as connection:
        before = connection.execute(sizes.encode()).fetchone()
        looks = int(_transactions(connection))
        wait_until(lambda: ready(api).status == 200 and int(_transactions(connection)) > looks + 20)
        assert connection.execute(sizes.encode()).fetchone() == before


def _transactions(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    row = connection.execute(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'shop'"
    ).fetchone()
    return str(row[0]) if row else "0"


def test_sqlite_files_that_cannot_be_written(tmp_path: Path) -> None:
    orderwright: Orderwright = build(Settings.from_environment({"ORDERWRIGHT_DATA": str(tmp_path / "var")}))
    api = Api(create_app(orderwright).test_client(), orderwright)

    def store() -> Any:
        return ready(api).json["checks"][0]

    assert store() == {"name": "store", "ok": True, "detail": "takes commands"}
    connection = sqlite3.connect(tmp_path / "var" / "Inventory.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    wait_until(lambda: not store()["ok"], what="it is seen that the file is locked")
    connection.rollback()
    wait_until(lambda: store()["ok"], what="it can be written again")
    connection.close()
    orderwright.close()
