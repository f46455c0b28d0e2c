"""Where benchmarks run: a PostgreSQL of their own, and a fresh store for every measurement."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresProcessRecorder
from eventsourcing.utils import get_topic
from psycopg import Cursor
from psycopg.rows import DictRow

from application.base import CommandContext
from application.orders import Item, PlaceOrder
from system.bench.private_postgres import PrivatePostgres, find_binaries
from system.bootstrap import Orderwright, build, utc_now
from system.persistence.postgres import migrations
from system.persistence.postgres.library_recorder import PostgresRecorder
from system.persistence.tables import Change, postgres_parameters, postgres_statement
from system.settings.environment import POSTGRES, TUNED_POSTGRES, Settings
from system.stores import migration_targets

from .measurements import OURS, STOCK

SKUS = 20
PLACED_AT_ONCE = 500


class LibraryRecorder(PostgresRecorder):
    """The library's recorder as it comes. Rows of read models are written one by one, in its hook."""

    insert_events = PostgresProcessRecorder.insert_events
    select_events = PostgresProcessRecorder.select_events
    select_notifications = PostgresProcessRecorder.select_notifications
    max_notification_id = PostgresProcessRecorder.max_notification_id
    max_tracking_id = PostgresProcessRecorder.max_tracking_id

    def _insert_events(
        self, curs: Cursor[DictRow], stored_events: Any, *, rows: Any = (), **kwargs: Any
    ) -> None:
        super()._insert_events(curs, stored_events, **kwargs)
        for change in rows:
            for row in change.rows:
                single = Change(change.table, change.inserts, change.columns, change.copies, [row])
                statement = postgres_statement(single, self.datastore.schema)
                curs.execute(statement.encode(), postgres_parameters(single), prepare=True)


@dataclass
class Setting:
    """What a measurement is given: a server, and how much there is to measure."""

    server: PrivatePostgres
    orders: int
    seconds: float
    sizes: tuple[int, ...]
    events: int
    _numbers: Iterator[int] = field(default_factory=count)

    def store(self, contender: str, **more: str) -> dict[str, str]:
        """The environment of a fresh store for a contender."""
        name = f"bench_{next(self._numbers)}"
        self.server.create_database(name)
        environment = {**self.server.environment(name), "ORDERWRIGHT_LOG_LEVEL": "ERROR", **more}
        if contender == OURS:
            environment["PERSISTENCE_MODULE"] = TUNED_POSTGRES
            migrations.migrate(migration_targets(Settings.from_environment(environment)))
        elif contender == STOCK:
            environment["PERSISTENCE_MODULE"] = POSTGRES
            environment["PROCESS_RECORDER_TOPIC"] = get_topic(LibraryRecorder)
            environment["ORDERWRIGHT_SNAPSHOT_EVERY"] = "0"  # which are ours
        return environment

    @contextmanager
    def opened(self, contender: str) -> Iterator[Orderwright]:
        """A system on a fresh store."""
        environment = self.store(contender)
        orderwright = build(Settings.from_environment(environment))
        try:
            yield orderwright
        finally:
            orderwright.close()
            self.server.drop_database(environment["POSTGRES_DBNAME"])

    def pgbench(self, setup: str, script: str, clients: int) -> float | None:
        """Transactions a second of a script, or None where there is no pgbench."""
        program = find_binaries() / "pgbench"
        if not program.is_file():
            return None
        environment = self.store("limit")
        psql_options = [
            "-h", environment["POSTGRES_HOST"], "-p", environment["POSTGRES_PORT"],
            "-U", environment["POSTGRES_USER"],
        ]  # fmt: skip
        with self.server.connected(environment["POSTGRES_DBNAME"]) as connection:
            connection.execute(setup.encode())
        command = [
            str(program), *psql_options, "-n", "-M", "prepared", "-c", str(clients), "-j", "2",
            "-T", str(max(1, round(self.seconds))), "-f", "/dev/stdin", environment["POSTGRES_DBNAME"],
        ]  # fmt: skip
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=True)
        self.server.drop_database(environment["POSTGRES_DBNAME"])
        rate = next(line for line in done.stdout.splitlines() if line.startswith("tps ="))
        return float(rate.split()[2])


def context(name: str) -> CommandContext:
    """The context of a command of a benchmark."""
    return CommandContext(name, utc_now(), "bench")


def receive_stock(orderwright: Orderwright) -> None:
    """Put so much on the shelf that no order is short of it."""
    for number in range(SKUS):
        orderwright.inventory.receive_stock(f"sku-{number}", 1_000_000, context(f"delivery-{number}"))


def an_order(number: int) -> PlaceOrder:
    """The order with this number: two products, paid without trouble."""
    items = [
        Item(f"sku-{number * 7 % SKUS}", 1, Decimal("11.77")),
        Item(f"sku-{(number * 7 + 3) % SKUS}", 2, Decimal("4.50")),
    ]
    return PlaceOrder(f"customer-{number % 500}", "USD", "pm_ok", items, order_ref=f"bench-{number}")


def place(orderwright: Orderwright, numbers: range, at_once: int = PLACED_AT_ONCE) -> None:
    """Place the orders with these numbers."""
    for first in range(numbers.start, numbers.stop, at_once):
        some = range(first, min(first + at_once, numbers.stop))
        orderwright.orders.place_orders([an_order(number) for number in some], context(f"orders-{first}"))


def check_settled(orderwright: Orderwright, orders: int) -> None:
    """Raise unless every order was confirmed and charged: a measurement of anything else is worthless."""
    counts = orderwright.dashboard.count_by_status()
    paid = {total.status: total.count for total in orderwright.payment_ledger.totals()}
    if counts != {"CONFIRMED": orders} or paid != {"COMPLETED": orders}:
        raise RuntimeError(f"{orders} orders should be confirmed and paid, but there are {counts}, {paid}")


def an_event(stream: UUID, version: int = 1) -> StoredEvent:
    """An event of the size of an order's first one."""
    return StoredEvent(stream, version, "Order.Created", _STATE)


_STATE = (
    b'{"timestamp":{"_type_":"datetime_iso","_data_":"2026-01-01T00:00:00.000001+00:00"},"user":null,'
    b'"correlation_id":"6b7bc545-812e-5ca7-8b10-6a64b6f9e89b","note":"' + b"x" * 350 + b'"}'
)

EVENTS_TABLE = """
CREATE TABLE events (
    originator_id uuid NOT NULL, originator_version bigint NOT NULL, topic text, state bytea,
    notification_id bigserial, correlation_id text, user_id text, recorded_at timestamptz,
    PRIMARY KEY (originator_id, originator_version));
CREATE UNIQUE INDEX ON events (notification_id);
CREATE INDEX ON events (topic, notification_id);
CREATE INDEX ON events (correlation_id, notification_id);
CREATE INDEX ON events USING brin (recorded_at);
CREATE TABLE rows (id uuid PRIMARY KEY, a text, b text, c bigint, d text);
"""
"""Tables of the shape of ours, for pgbench."""

INSERT_EVENTS = (
    "INSERT INTO events (originator_id, originator_version, topic, state, correlation_id, recorded_at) "
    f"SELECT gen_random_uuid(), 1, 'Order.Created', repeat('x', {len(_STATE)})::bytea, "
    "gen_random_uuid()::text, now() FROM generate_series(1, {events});\n"
)


def as_environment(environment: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of ours."""
    return {name: base[name] for name in ("PATH", "HOME", "LANG") if name in base} | dict(environment)
