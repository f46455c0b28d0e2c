"""Fixtures of the suites that run the whole system; their conftest files import what they use."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from application.ports import PaymentGateway
from system.bootstrap import Clock, build, utc_now
from system.gateways.simulated import SimulatedGateway
from system.persistence.postgres import migrations
from system.settings.environment import Settings
from system.stores import migration_targets

from .postgres import PrivatePostgres
from .running_shop import Shop
from .ways import WAYS, Way

Environment = dict[str, str]
OpenShop = Callable[..., Shop]
OpenWay = Callable[..., Way]
MakeWay = Callable[[Mapping[str, str], PaymentGateway, Clock], Way]

PERSISTENCE = {
    "popo": "eventsourcing.popo",
    "sqlite": "eventsourcing.sqlite",
    "postgres": "eventsourcing.postgres",
    "tuned": "system.persistence.postgres",
}
DURABLE = ("sqlite", "postgres", "tuned")


def environment_for(persistence: str, request: pytest.FixtureRequest, folder: Path) -> Environment:
    """The environment of an empty store of its own, and nothing else: that is all it takes."""
    environment = {
        "PERSISTENCE_MODULE": PERSISTENCE[persistence],
        "ORDERWRIGHT_DATA": str(folder / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
    }
    if persistence == "postgres":
        environment |= request.getfixturevalue("emptied_postgres")
    if persistence == "tuned":
        server, database = request.getfixturevalue("postgres"), request.getfixturevalue("shared_database")
        environment |= emptied(server, f"{database}_tuned")
    return environment


def migrated(environment: Environment) -> Environment:
    """The environment of a store that is ready for the tuned module."""
    environment = environment | {"PERSISTENCE_MODULE": PERSISTENCE["tuned"]}
    migrations.migrate(migration_targets(Settings.from_environment(environment)))
    return environment


@pytest.fixture(scope="session")
def shared_database(postgres: PrivatePostgres) -> Iterator[str]:
    """A database for all tests that only need an empty store: making one takes longer than most of them.

    Beside it is another one for the tuned module, whose name ends with ``_tuned``.
    """
    name = f"shared_{uuid4().hex}"
    for each in (name, f"{name}_tuned"):
        postgres.create_database(each)
    migrated(postgres.environment(f"{name}_tuned"))
    # By one alone: where several make the library's tables at once, a sequence may get another name.
    library = postgres.environment(name) | {"PERSISTENCE_MODULE": PERSISTENCE["postgres"]}
    build(Settings.from_environment(library)).close()
    yield name
    for each in (name, f"{name}_tuned"):
        postgres.drop_database(each)


@pytest.fixture
def emptied_postgres(postgres: PrivatePostgres, shared_database: str) -> Environment:
    """The environment variables of a database in which every table is as if it had just been made."""
    return emptied(postgres, shared_database)


def emptied(postgres: PrivatePostgres, database: str) -> Environment:
    """Empty every table of a database; its environment variables."""
    environment = postgres.environment(database)
    with psycopg.connect(
        host=environment["POSTGRES_HOST"], user=environment["POSTGRES_USER"], dbname=database
    ) as connection:
        kinds = "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        for name, kind in connection.execute(kinds).fetchall():
            if kind == "S":
                connection.execute(SQL("ALTER SEQUENCE {} RESTART").format(Identifier(name)))
            elif kind == "r" and name.endswith("_tracking"):
                # One row of the library's own says which layout the table has.
                connection.execute(
                    SQL("DELETE FROM {} WHERE application_name <> '__migration__'").format(Identifier(name))
                )
            elif kind == "r" and re.search(r"_v\d+$", name):
                connection.execute(SQL("DROP TABLE {}").format(Identifier(name)))
            elif kind == "r" and name != "orderwright_schema":
                connection.execute(SQL("DELETE FROM {}").format(Identifier(name)))
    return environment


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has such a place: there SQLite waits for no disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="orderwright-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(params=list(PERSISTENCE))
def persistence(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of each persistence there is."""
    return environment_for(request.param, request, quick_folder)


@pytest.fixture(params=DURABLE)
def durable_persistence(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of each persistence that outlives a process."""
    return environment_for(request.param, request, quick_folder)


@pytest.fixture(params=DURABLE)
def store_of_its_own(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of each persistence that outlives a process, in a database that no other test uses:
    for tests that change or remove tables."""
    if request.param == "sqlite":
        return environment_for("sqlite", request, quick_folder)
    own = request.getfixturevalue("postgres_environment") | {
        "PERSISTENCE_MODULE": PERSISTENCE[request.param],
        "ORDERWRIGHT_DATA": str(quick_folder / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
    }
    return migrated(own) if request.param == "tuned" else own


@pytest.fixture
def in_memory(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of the fastest persistence, where it does not matter which."""
    return environment_for("popo", request, quick_folder)


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of SQLite files in a folder of the test's own."""
    return environment_for("sqlite", request, quick_folder)


@pytest.fixture(params=["postgres", "tuned"])
def on_postgres(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of each module for PostgreSQL on an empty store."""
    return environment_for(request.param, request, quick_folder)


@pytest.fixture
def tuned_postgres(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of the tuned module on an empty store."""
    return environment_for("tuned", request, quick_folder)


@pytest.fixture
def open_way() -> Iterator[Callable[..., Way]]:
    """Opens systems, any way and as often as asked, and closes them after the test."""
    opened: list[Way] = []

    def make(
        kind: MakeWay,
        environment: Mapping[str, str],
        gateway: PaymentGateway | None = None,
        clock: Clock = utc_now,
    ) -> Way:
        way = kind(environment, gateway or SimulatedGateway(), clock)
        opened.append(way)
        return way

    yield make
    for way in reversed(opened):
        way.close()


@pytest.fixture(params=list(WAYS))
def open_shop(
    request: pytest.FixtureRequest, persistence: Environment, open_way: Callable[..., Way]
) -> OpenShop:
    """Opens a shop on every persistence and under both runners."""

    def make(gateway: PaymentGateway | None = None, clock: Clock = utc_now) -> Shop:
        return Shop(open_way(WAYS[request.param], persistence, gateway, clock))

    return make


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """An empty shop, on every persistence and under both runners."""
    return open_shop()
