"""The composition root: settings in, a system out. Nothing is opened before this is called."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import structlog
from eventsourcing.application import Application
from eventsourcing.persistence import InternalError, PersistenceError
from eventsourcing.utils import Environment

from application.ports import PaymentGateway
from application.references import Progress, claim_earlier_references
from system.concurrency.turn import Turn
from system.definition import (
    Inventory,
    OrderDashboard,
    OrderFulfilment,
    Orders,
    PaymentLedger,
    Payments,
    SagaLog,
    StockLevels,
    orderwright,
)
from system.followers import agreement
from system.followers.follower import Follower
from system.gateways.simulated import SimulatedGateway
from system.leases.lease import FileLeases, Leases, SoleOwner
from system.leases.postgres import PostgresLeases
from system.persistence.agreement import Disagreement
from system.persistence.full_disk import StoreFull, is_full
from system.persistence.postgres import migrations
from system.persistence.postgres.factory import connection_parameters, pool_sizes, schema_of
from system.persistence.postgres.suitable import Database, require_suitable
from system.persistence.private_files import make_private
from system.persistence.sealing import misfits
from system.runner.runner import Runner
from system.runner.wakeups import WakeupListener
from system.settings.environment import (
    ON_POSTGRES,
    POSTGRES,
    SQLITE,
    TUNED_POSTGRES,
    InvalidSettings,
    Settings,
)
from system.workers.deadline_scanner import DeadlineScanner
from system.workers.payment_caller import GatewayWorker

A = TypeVar("A", bound=Follower)
Clock = Callable[[], datetime]

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

OPEN_WITHIN_SECONDS = 2.0
BUSY_FOR_SECONDS = 20.0
"""So much longer a file of SQLite may be in the hands of others who make their tables in it as well."""

PAUSE_BETWEEN_TRIES = 0.05


log = structlog.get_logger()


def _logged(read: int, whole: int) -> None:
    log.info("the references of earlier orders are being claimed", events_read=read, events=whole)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Orderwright:
    """A running system: its applications and read models, and what it takes to drive them."""

    settings: Settings
    applications: dict[str, Follower]
    gateway: PaymentGateway
    clock: Clock
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that went by, whatever the clock says."""

    def get(self, application_class: type[A]) -> A:
        """The application of a class. The properties below are short for what many places ask."""
        return cast(A, self.applications[application_class.name])

    @property
    def orders(self) -> Orders:
        """The orders."""
        return self.get(Orders)

    @property
    def payments(self) -> Payments:
        """The payments."""
        return self.get(Payments)

    @property
    def inventory(self) -> Inventory:
        """The inventory."""
        return self.get(Inventory)

    @property
    def fulfilments(self) -> OrderFulfilment:
        """The sagas."""
        return self.get(OrderFulfilment)

    @property
    def dashboard(self) -> OrderDashboard:
        """The order dashboard."""
        return self.get(OrderDashboard)

    @property
    def saga_log(self) -> SagaLog:
        """The saga log."""
        return self.get(SagaLog)

    @property
    def payment_ledger(self) -> PaymentLedger:
        """The payment ledger."""
        return self.get(PaymentLedger)

    @property
    def stock_levels(self) -> StockLevels:
        """The stock levels."""
        return self.get(StockLevels)

    def runner(self) -> Runner:
        """A new runner for this system, with the worker that calls the payment provider."""
        runner = Runner(
            orderwright,
            self.applications,
            clock=self.clock,
            page_size=self.settings.page_size,
            poll_seconds=self.settings.poll_seconds,
        )
        runner.add_worker(lambda: self.gateway_worker(runner.turn), after=PaymentLedger.name)
        runner.add_worker(self.deadline_scanner, after=SagaLog.name)
        for parameters, channels in wakeup_channels(self.settings):
            runner.add_listener(WakeupListener(parameters, channels, runner.ring))
        return runner

    def gateway_worker(self, turn: Turn | None = None) -> GatewayWorker:
        """A new worker that calls the payment provider."""
        return GatewayWorker(
            self.payment_ledger,
            self.payments,
            self.gateway,
            clock=self.clock,
            concurrency=self.settings.gateway_concurrency,
            retry_seconds=self.settings.gateway_retry_seconds,
            poll_seconds=self.settings.poll_seconds,
            turn=turn or Turn(),
            monotonic=self.monotonic,
        )

    def deadline_scanner(self) -> DeadlineScanner:
        """A new scanner for steps that take too long."""
        return DeadlineScanner(self.saga_log, self.fulfilments, self.clock, self.monotonic)

    def leases(self, only: Sequence[str] = (), *, is_guest: bool = False) -> Leases:
        """The leases of a runner of this store that follows some, else everything.

        A guest follows only what no other runner would like to follow.
        """
        followers = orderwright.followers
        wanted = only or followers
        module, env = persistence_of(OrderFulfilment.name, self.settings)
        if module in ON_POSTGRES:
            return PostgresLeases(
                connection_parameters(env),
                schema_of(env),
                followers,
                wanted,
                is_guest=is_guest,
                makes_tables=module == POSTGRES,
            )
        if module == SQLITE and not self.settings.is_in_memory:
            return FileLeases(self.settings.data, followers, wanted)
        return SoleOwner(followers, wanted)

    def disagreements(self) -> list[Disagreement]:
        """Every follower that has read what a log does not have; see `agreement.look`."""
        return agreement.look(self.applications, orderwright.edges, self.clock)

    def close(self) -> None:
        """Close every connection."""
        for application in self.applications.values():
            application.close()


def build(
    settings: Settings,
    *,
    gateway: PaymentGateway | None = None,
    clock: Clock = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
    upgrading: Progress = _logged,
    must_write: bool = False,
) -> Orderwright:
    """Open the stores and make the system. Tables that are missing are created; those of the tuned
    module must be there: `SchemaMismatch` says so when they are not.

    Raises `InvalidSettings` when the events that are stored do not fit the cipher or the compressor.
    A database that cannot hold the system is refused before anything is made there, see `suitable`; with
    `must_write` one that only can be read at present as well.

    That a log lacks what its followers have read does not keep it from opening: it is noted, and
    whatever would make it worse is refused.

    The first time on a store of an earlier release, the references of its orders are claimed, which
    takes some fifteen seconds each hundred thousand orders; `upgrading` is told how far that is.
    """
    environment = application_environment(settings)
    if settings.persistence_module == SQLITE and not settings.is_in_memory:
        make_private(settings.data, _own_files(settings))
    risks = require_suitable(databases_of(settings), must_write=must_write)
    for risk in risks if must_write else ():
        log.warning("a database is not as it should be", risk=risk)
    migrations.check(migration_targets(settings))
    applications = {name: _open(_class_of(name), environment) for name in orderwright.nodes}
    gateway = gateway or SimulatedGateway(settings.gateway_latency_ms / 1000)
    opened = Orderwright(settings, applications, gateway, clock, monotonic)
    try:
        check_sealing(applications)
        if not opened.disagreements():
            claim_earlier_references(opened.orders, opened.orders.recorder, upgrading)
    except BaseException:
        opened.close()
        raise
    return opened


def check_sealing(applications: Mapping[str, Application[UUID]]) -> None:
    """Raise `InvalidSettings` when stored events do not fit the cipher or the compressor that is set."""
    found = misfits(applications)
    if found:
        raise InvalidSettings(f"the store cannot be read with these settings; {'; '.join(found)}")


def _class_of(name: str) -> type[Follower]:
    """The class of an application: every one of them follows another."""
    return cast(type[Follower], orderwright.get_app_cls(name))


def _open(application_class: type[A], environment: dict[str, str]) -> A:
    """An application of this class. Two processes that begin with an empty store at the same moment
    get in each other's way while they make its tables; whoever comes second finds them there."""
    deadline = time.monotonic() + OPEN_WITHIN_SECONDS
    while True:
        try:
            return application_class(env=environment)
        except PersistenceError:
            if time.monotonic() > deadline:
                raise
        except sqlite3.DatabaseError as error:  # which the library lets through while it opens a file
            if not _is_busy(error) or time.monotonic() > deadline + BUSY_FOR_SECONDS:
                is_disk = is_full(error, _folder_of(application_class.name, environment))
                kind = StoreFull if is_disk else InternalError
                raise kind(f"the file of {application_class.name}: {error}") from error
        time.sleep(PAUSE_BETWEEN_TRIES)


def _folder_of(application: str, environment: dict[str, str]) -> Path | None:
    """Where the SQLite file of an application is."""
    file = environment.get(f"{application.upper()}_SQLITE_DBNAME")
    return Path(file).parent if file else None


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    """Whether somebody else has the file in hand just now."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def application_environment(settings: Settings) -> dict[str, str]:
    """The library's environment: what was given, and our defaults where nothing was."""
    environment = {"PERSISTENCE_MODULE": settings.persistence_module, **settings.environment}
    if settings.persistence_module == SQLITE:
        if not settings.is_in_memory:
            make_private(settings.data)
        for name in orderwright.nodes:
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


def migration_targets(settings: Settings) -> list[migrations.Target]:
    """Where the tables are that the tuned module works on: perhaps in several databases."""
    found = []
    for name in orderwright.nodes:
        module, env = persistence_of(name, settings)
        if module == TUNED_POSTGRES:
            tables = _class_of(name).tables
            found.append(migrations.Target(name, schema_of(env), connection_parameters(env), tables))
    return found


BESIDE_THE_POOLS = 3
"""Connections that a process has beside those of its pools: for leases, for news, and to look."""


def databases_of(settings: Settings) -> list[Database]:
    """The databases on PostgreSQL that this process connects to."""
    pools: dict[Any, tuple[dict[str, Any], int, int]] = {}
    for name in orderwright.nodes:
        module, env = persistence_of(name, settings)
        if module in ON_POSTGRES:
            parameters = connection_parameters(env)
            # The tuned module has one pool for all that connect alike, the library one an application.
            key = tuple(parameters.items()) if module == TUNED_POSTGRES else name
            pools[key] = (parameters, *pool_sizes(env))
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


def _own_files(settings: Settings) -> Iterator[str]:
    """The files in the data folder, of the applications whose events are kept there."""
    for name in orderwright.nodes:
        module, env = persistence_of(name, settings)
        if module == SQLITE and env.get("SQLITE_DBNAME") == _sqlite_name(settings, name):
            yield f"{name}.sqlite"


def _sqlite_name(settings: Settings, application: str) -> str:
    if settings.is_in_memory:
        return f"file:{application}-{uuid4().hex}?mode=memory&cache=shared"
    return str(settings.data / f"{application}.sqlite")
