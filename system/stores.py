"""Which store each application keeps its events in, and the databases and files that takes.

An application has settings of its own where they are given, so they may be in several places.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.utils import Environment

from system.definition import class_of, orderwright
from system.followers.versions import shape_of
from system.leases.lease import FileLeases, Leases, SoleOwner
from system.leases.postgres import PostgresLeases
from system.persistence.postgres import migrations
from system.persistence.postgres.factory import connection_parameters, pool_sizes, schema_of
from system.persistence.postgres.side_store import PostgresSideStore
from system.persistence.postgres.suitable import Database
from system.persistence.private_files import make_private
from system.persistence.sealing import misfits
from system.persistence.side_store import SideStore
from system.persistence.sqlite.side_store import SqliteSideStore
from system.persistence.tables import Table
from system.settings.environment import (
    IN_MEMORY,
    ON_POSTGRES,
    POSTGRES,
    SQLITE,
    TUNED_POSTGRES,
    InvalidSettings,
    Settings,
)
from system.settings.postgres_names import SIDE_STORES
from system.steps.streams import STREAM_ID

POSTGRES_DEFAULTS = {
    "POSTGRES_PORT": "5432",
    "POSTGRES_PASSWORD": "",
    "POSTGRES_CONNECT_TIMEOUT": "2",
    "POSTGRES_LOCK_TIMEOUT": "2",
    "POSTGRES_STATEMENT_TIMEOUT": "30",
    "POSTGRES_IDLE_IN_TRANSACTION_SESSION_TIMEOUT": "3",
    "POSTGRES_POOL_SIZE": "1",
    "POSTGRES_MAX_OVERFLOW": "9",
}

TUNED_DEFAULTS = {
    **POSTGRES_DEFAULTS,
    "POSTGRES_MAX_OVERFLOW": "31",  # one pool serves all applications
}

BESIDE_THE_POOLS = 3
"""Connections that a process has beside those of its pools: for leases, for news, and to look."""


def application_environment(settings: Settings) -> dict[str, str]:
    """The library's environment: what was given, and our defaults where nothing was."""
    environment = {"PERSISTENCE_MODULE": settings.persistence_module, **settings.environment}
    if settings.persistence_module == SQLITE:
        for name in (*orderwright.nodes, *SIDE_STORES):
            environment.setdefault(f"{name.upper()}_SQLITE_DBNAME", _sqlite_name(settings, name))
    if settings.persistence_module == POSTGRES:
        environment = {**POSTGRES_DEFAULTS, **environment}
    if settings.persistence_module == TUNED_POSTGRES:
        environment = {**TUNED_DEFAULTS, **environment}
    return environment


def persistence_of(application: str, settings: Settings) -> tuple[str, Environment]:
    """The persistence module of an application, and its environment."""
    env = Environment(application, application_environment(settings))
    return env.get("PERSISTENCE_MODULE") or "", env


def open_side_store(name: str, settings: Settings) -> SideStore:
    """The side store of this name, one of `SIDE_STORES`: where the environment says under its name, as for an
    application, else beside the events. On SQLite it is a file of its own; with events in memory it ends
    with the process.

    Raises the library's `PersistenceError`.
    """
    module, env = persistence_of(name, settings)
    if module in ON_POSTGRES:
        return PostgresSideStore(env, _side_pool_sizes(module, env))
    file = f"{name.upper()}_SQLITE_DBNAME"
    if module == IN_MEMORY or settings.is_in_memory:
        env[file] = _memory_name(name)
    elif not env.get("SQLITE_DBNAME") or env[file] == _sqlite_name(settings, name):
        env[file] = _sqlite_name(settings, name)
        make_private(settings.data, [f"{name}.sqlite"])
    return SqliteSideStore(env)


@contextmanager
def side_store(name: str, settings: Settings, tables: Sequence[Table] = ()) -> Iterator[SideStore]:
    """The side store of this name for a while, with these tables made where they are not there."""
    store = open_side_store(name, settings)
    try:
        if tables:  # who only reads waits for nobody who writes
            store.create_tables(tables)
        yield store
    finally:
        store.close()


def _side_pool_sizes(module: str, env: Environment) -> tuple[int, int]:
    """With the tuned module the pool is that of the applications which connect alike; the library's pools
    cannot be shared, so there a few connections are opened while they are needed."""
    return pool_sizes(env) if module == TUNED_POSTGRES else (0, 4)


def migration_targets(settings: Settings) -> list[migrations.Target]:
    """Where the tables are that the tuned module works on: perhaps in several databases."""
    found = []
    for name in orderwright.nodes:
        module, env = persistence_of(name, settings)
        if module == TUNED_POSTGRES:
            parameters, kind = connection_parameters(env), class_of(name)
            found.append(
                migrations.Target(
                    name, schema_of(env), parameters, kind.tables, shape_of(kind.tables, kind.version)
                )
            )
    return found


def databases_of(settings: Settings) -> list[Database]:
    """The databases on PostgreSQL that this process connects to."""
    pools: dict[Any, tuple[dict[str, Any], int, int]] = {}
    for name in (*orderwright.nodes, *SIDE_STORES):
        module, env = persistence_of(name, settings)
        if module in ON_POSTGRES:
            parameters = connection_parameters(env)
            is_aside = name in SIDE_STORES
            # Our pools serve all that connect alike, the library has one an application.
            key = tuple(parameters.items()) if is_aside or module == TUNED_POSTGRES else name
            pools[key] = (parameters, *(_side_pool_sizes(module, env) if is_aside else pool_sizes(env)))
    found: dict[tuple[Any, ...], Database] = {}
    for parameters, least, most in pools.values():
        where = tuple(parameters[part] for part in ("host", "port", "dbname", "user"))
        known = found.get(where, Database(parameters, BESIDE_THE_POOLS, BESIDE_THE_POOLS))
        found[where] = Database(known.parameters, known.least + least, known.most + most)
    return list(found.values())


def wakeup_channels(settings: Settings) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """For each database the parameters to connect to it, and the channels that tell what was recorded
    there with the names of the leaders they tell about."""
    found: list[tuple[dict[str, Any], dict[str, str]]] = []
    for name in orderwright.leaders:
        module, env = persistence_of(name, settings)
        if module in ON_POSTGRES:
            parameters = connection_parameters(env)
            known = next((channels for other, channels in found if other == parameters), None)
            if known is None:
                known = {}
                found.append((parameters, known))
            known[f"{name.lower()}_events"] = name
    return found


def own_files(settings: Settings) -> Iterator[str]:
    """The names of the SQLite files in the data folder, of the applications whose events are kept there."""
    for name in orderwright.nodes:
        module, env = persistence_of(name, settings)
        if module == SQLITE and env.get("SQLITE_DBNAME") == _sqlite_name(settings, name):
            yield f"{name}.sqlite"


def missing_files(settings: Settings) -> list[str]:
    """The SQLite files of the applications whose events are about orders that are not there."""
    names = []
    for name in STREAM_ID:
        module, env = persistence_of(name, settings)
        file = env.get("SQLITE_DBNAME") or ""
        if module == SQLITE and not (settings.is_in_memory or Path(file).exists()):
            names.append(file)
    return names


def _sqlite_name(settings: Settings, application: str) -> str:
    if settings.is_in_memory:
        return _memory_name(application)
    return str(settings.data / f"{application}.sqlite")


def _memory_name(application: str) -> str:
    return f"file:{application}-{uuid4().hex}?mode=memory&cache=shared"


def leases_beside(
    application: str,
    settings: Settings,
    followers: Collection[str],
    wanted: Collection[str],
    *,
    is_guest: bool,
) -> Leases:
    """The leases of a runner that wants some of the followers, kept beside the events of an application.

    A guest follows only what no other runner would like to follow.
    """
    module, env = persistence_of(application, settings)
    if module in ON_POSTGRES:
        return PostgresLeases(
            connection_parameters(env),
            schema_of(env),
            followers,
            wanted,
            is_guest=is_guest,
            makes_tables=module == POSTGRES,
        )
    if module == SQLITE and not settings.is_in_memory:
        return FileLeases(settings.data, followers, wanted)
    return SoleOwner(followers, wanted)


def require_readable(applications: Mapping[str, Application[UUID]]) -> None:
    """Raise `InvalidSettings` when stored events do not fit the cipher or the compressor that is set."""
    found = misfits(applications)
    if found:
        raise InvalidSettings(f"the store cannot be read with these settings; {'; '.join(found)}")
