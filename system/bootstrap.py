"""The composition root: settings in, a system out. Nothing is opened before this is called."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Generic, TypeVar, cast

import structlog
from eventsourcing.persistence import OperationalError

from application.base import Application
from application.ports import PaymentGateway
from application.references import Progress, claim_earlier_references
from system.concurrency.turn import Turn
from system.definition import (
    Inventory,
    OrderDashboard,
    OrderFulfilment,
    Orders,
    PaymentCalls,
    PaymentLedger,
    Payments,
    SagaLog,
    StockLevels,
    class_of,
    orderwright,
)
from system.followers import agreement
from system.followers.follower import Follower
from system.followers.projection import Projection
from system.gateways.simulated import SimulatedGateway
from system.kinds.counts import COUNTS, EventCounts
from system.kinds.newer import NewerEvents, newer_in_store
from system.leases.lease import Leases
from system.persistence.agreement import Disagreement
from system.persistence.opening import open_application
from system.persistence.postgres import migrations
from system.persistence.postgres.suitable import require_suitable
from system.persistence.private_files import make_private
from system.runner.runner import Runner
from system.runner.wakeups import WakeupListener
from system.settings.environment import SQLITE, Settings
from system.snapshots.keeper import SnapshotKeeper
from system.steps.streams import STREAM_ID
from system.stores import (
    application_environment,
    databases_of,
    leases_beside,
    migration_targets,
    missing_files,
    open_side_store,
    own_files,
    require_readable,
    side_store,
    wakeup_channels,
)
from system.workers.deadline_scanner import DeadlineScanner
from system.workers.payment_caller import GatewayWorker
from system.workers.version_keeper import VersionKeeper

A = TypeVar("A", bound=Follower)
Clock = Callable[[], datetime]

log = structlog.get_logger()


def _logged(read: int, whole: int) -> None:
    log.info("the references of earlier orders are being claimed", events_read=read, events=whole)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class _The(Generic[A]):
    """The application of a class, as an attribute of the system that has it."""

    def __init__(self, application_class: type[A]) -> None:
        self._class = application_class

    def __get__(self, system: "Orderwright", _: type) -> A:
        return system.get(self._class)


@dataclass(frozen=True)
class Orderwright:
    """A running system: its applications and read models, and what it takes to drive them."""

    settings: Settings
    applications: dict[str, Follower]
    gateway: PaymentGateway
    clock: Clock
    snapshots: SnapshotKeeper
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that went by, whatever the clock says."""

    orders = _The(Orders)
    payments = _The(Payments)
    inventory = _The(Inventory)
    fulfilments = _The(OrderFulfilment)
    dashboard = _The(OrderDashboard)
    saga_log = _The(SagaLog)
    payment_ledger = _The(PaymentLedger)
    payment_calls = _The(PaymentCalls)
    stock_levels = _The(StockLevels)

    def get(self, application_class: type[A]) -> A:
        """The application of a class. The attributes above are short for what many places ask."""
        return cast(A, self.applications[application_class.name])

    def runner(self) -> Runner:
        """A new runner for this system, with the worker that calls the payment provider."""
        runner = Runner(
            orderwright,
            self.applications,
            clock=self.clock,
            page_size=self.settings.page_size,
            poll_seconds=self.settings.poll_seconds,
        )
        runner.add_worker(lambda: self.gateway_worker(runner.turn), after=PaymentCalls.name)
        runner.add_worker(self.deadline_scanner, after=SagaLog.name)
        for name in self.read_models:
            runner.add_worker(partial(self.version_keeper, name, runner.turn), after=name)
        for parameters, channels in wakeup_channels(self.settings):
            runner.add_listener(WakeupListener(parameters, channels, runner.ring))
        return runner

    def gateway_worker(self, turn: Turn | None = None, pool: Executor | None = None) -> GatewayWorker:
        """A new worker that calls the payment provider: many at a time, unless a pool is given."""
        return GatewayWorker(
            self.payment_calls,
            self.payments,
            self.gateway,
            clock=self.clock,
            concurrency=self.settings.gateway_concurrency,
            retry_seconds=self.settings.gateway_retry_seconds,
            poll_seconds=self.settings.poll_seconds,
            turn=turn or Turn(),
            monotonic=self.monotonic,
            pool=pool,
        )

    def deadline_scanner(self) -> DeadlineScanner:
        """A new scanner for steps that take too long."""
        return DeadlineScanner(self.saga_log, self.fulfilments, self.clock, self.monotonic)

    def version_keeper(self, name: str, turn: Turn | None = None) -> VersionKeeper:
        """A new worker that keeps the versions of a read model up to date that are not in use."""
        return VersionKeeper(self.read_models[name], self.leaders_of(name), turn or Turn())

    @property
    def read_models(self) -> dict[str, Projection]:
        """The read models, by name."""
        return {name: one for name, one in self.applications.items() if isinstance(one, Projection)}

    def leaders_of(self, name: str) -> list[Follower]:
        """The applications that one follows."""
        return [self.applications[leader] for leader in orderwright.follows[name]]

    def leases(self, only: Sequence[str] = (), *, is_guest: bool = False) -> Leases:
        """The leases of a runner of this store that follows some, else everything.

        A guest follows only what no other runner would like to follow.
        """
        name, followers = OrderFulfilment.name, orderwright.followers
        return leases_beside(name, self.settings, followers, only or followers, is_guest=is_guest)

    def disagreements(self) -> list[Disagreement]:
        """Every follower that has read what a log does not have; see `agreement.look`."""
        return agreement.look(self.applications, orderwright.edges, self.clock)

    @contextmanager
    def event_counts(self) -> Iterator[EventCounts]:
        """How many events of each kind and version there are, as far as they were counted."""
        with side_store("Catalogue", self.settings, [COUNTS]) as store:
            yield EventCounts(store)

    def close(self) -> None:
        """Close every connection, after the snapshots that are still to be taken."""
        self.snapshots.close()
        for application in self.applications.values():
            application.close()


def open_to_read(settings: Settings) -> Orderwright:
    """The applications whose events are about orders, to be read by code that is not at work here yet.

    Nothing is written, not even what a start would make, claim or note; so the store may be one of an earlier
    release, before it is migrated. Raises `OperationalError` when there is no store.
    """
    missing = missing_files(settings)
    if missing:
        raise OperationalError(f"there is no store: {missing[0]} does not exist")
    environment = application_environment(settings) | {"CREATE_TABLE": "n"}
    opened: dict[str, Follower] = {}
    no_snapshots = snapshot_keeper(settings, {}, utc_now)  # every event counts here
    system = Orderwright(settings, opened, SimulatedGateway(0), utc_now, no_snapshots)
    try:
        for name in STREAM_ID:
            opened[name] = open_application(class_of(name), environment)
        require_readable(opened)
    except BaseException:
        system.close()
        raise
    return system


def snapshot_keeper(
    settings: Settings, applications: Mapping[str, Application], clock: Clock
) -> SnapshotKeeper:
    """What keeps the snapshots of applications, where the settings say. It is opened when it is needed."""
    policy = settings.snapshot_policy
    return SnapshotKeeper(applications, lambda: open_side_store("Snapshots", settings), policy, clock)


def build(
    settings: Settings,
    *,
    gateway: PaymentGateway | None = None,
    clock: Clock = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
    upgrading: Progress = _logged,
    must_write: bool = False,
    may_be_older: bool = False,
) -> Orderwright:
    """Open the stores and make the system. Tables that are missing are created; those of the tuned
    module must be there: `SchemaMismatch` says so when they are not.

    Raises `InvalidSettings` when the events that are stored do not fit the cipher or the compressor.
    A database that cannot hold the system is refused before anything is made there, see `suitable`; with
    `must_write` one that only can be read at present as well, and `NewerEvents` is raised when events are
    stored in a version that this release does not know, unless the settings say that those are parked, or
    this `may_be_older`: it takes the place of a process that went on beside a newer release.

    That a log lacks what its followers have read does not keep it from opening: it is noted, and
    whatever would make it worse is refused.

    The first time on a store of an earlier release, the references of its orders are claimed, which
    takes some fifteen seconds each hundred thousand orders; `upgrading` is told how far that is.
    """
    environment = application_environment(settings)
    if settings.persistence_module == SQLITE and not settings.is_in_memory:
        make_private(settings.data, own_files(settings))
    risks = require_suitable(databases_of(settings), must_write=must_write)
    for risk in risks if must_write else ():
        log.warning("a database is not as it should be", risk=risk)
    migrations.check(migration_targets(settings))
    applications = {name: open_application(class_of(name), environment) for name in orderwright.nodes}
    gateway = gateway or SimulatedGateway(settings.gateway_latency_ms / 1000)
    snapshots = snapshot_keeper(settings, applications, clock)
    opened = Orderwright(settings, applications, gateway, clock, snapshots, monotonic)
    try:
        require_readable(applications)
        if must_write:
            _require_known(opened, may_be_older=may_be_older or settings.park_newer_events)
        if not opened.disagreements():
            claim_earlier_references(opened.orders, opened.orders.recorder, upgrading)
    except BaseException:
        opened.close()
        raise
    return opened


def _require_known(opened: Orderwright, *, may_be_older: bool) -> None:
    """Refuse a store of a newer release, or log that its events are going to be parked."""
    found = newer_in_store(opened.applications, opened.event_counts)
    if found and not may_be_older:
        raise NewerEvents.of(found)
    for one in found:
        log.warning("events of a newer release are going to be parked", found=one.detail)
