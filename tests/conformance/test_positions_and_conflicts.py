"""What a store does when its own order is disturbed from outside: positions rise all the same, and only a
taken version counts as one."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent, Tracking
from psycopg.sql import SQL

from system.definition import Orders
from system.persistence.conflicts import DamagedLog
from system.persistence.postgres.library_recorder import PostgresRecorder
from system.persistence.sqlite.recorder import SqliteRecorder
from tests.support.fixtures import Environment, on_postgres, open_way
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way

from .conftest import Open

__all__ = ["on_postgres", "open_way"]


def event() -> StoredEvent:
    """The first event of a stream of its own; no store looks into it."""
    return StoredEvent(uuid4(), 1, "Something.Happened", b"{}")


def tell(environment: Environment, statement: str) -> list[Any]:
    """Have the database do something; what it answers."""
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
    ) as connection:
        cursor = connection.execute(SQL(statement))
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("put_back_to", [1, 4, 9])
def test_positions_rise_although_the_sequence_was_put_back(
    on_postgres: Environment, open_application: Open, put_back_to: int
) -> None:
    recorder = open_application(Orders, on_postgres).recorder
    recorder.insert_events([event() for _ in range(10)])
    tell(on_postgres, f"SELECT setval('orders_events_notification_id_seq', {put_back_to})")

    assert list(recorder.insert_events([event(), event()])) == [11, 12]
    assert list(recorder.insert_events([event()], tracking=Tracking("Elsewhere", 1))) == [13]


def test_a_log_that_was_copied_without_its_sequence_goes_on_behind_its_head(
    on_postgres: Environment, open_application: Open
) -> None:
    recorder = open_application(Orders, on_postgres).recorder
    recorder.insert_events([event() for _ in range(3)])
    tell(on_postgres, "ALTER SEQUENCE orders_events_notification_id_seq RESTART")

    assert list(recorder.insert_events([event()])) == [4]


def test_what_the_sequence_is_called_does_not_matter(
    on_postgres: Environment, open_application: Open
) -> None:
    recorder = open_application(Orders, on_postgres).recorder
    recorder.insert_events([event() for _ in range(3)])
    tell(on_postgres, "ALTER SEQUENCE orders_events_notification_id_seq RENAME TO orders_sequence")
    try:
        tell(on_postgres, "SELECT setval('orders_sequence', 1)")
        assert recorder.next_position() == 2
        assert list(recorder.insert_events([event()])) == [4]
        tell(on_postgres, "SELECT setval('orders_sequence', 1)")
        recorder.raise_sequence(4)
        assert recorder.next_position() == 5
    finally:
        tell(on_postgres, "ALTER SEQUENCE orders_sequence RENAME TO orders_events_notification_id_seq")


@pytest.mark.parametrize("log", ["orders", "payments", "orderfulfilment"])
def test_orders_are_followed_although_a_sequence_was_put_back(
    on_postgres: Environment, open_way: Callable[..., Way], log: str
) -> None:
    shop = Shop(open_way(ByHand, on_postgres))
    shop.receive("CD-X1", 100)
    shop.order("CD-X1")
    shop.settle()
    tell(on_postgres, f"SELECT setval('{log}_events_notification_id_seq', 1)")

    orders = [shop.order("CD-X1") for _ in range(30)]
    shop.settle()
    assert {shop.status(order) for order in orders} == {"CONFIRMED"}


def test_a_taken_version_is_told_as_that(recorder: ProcessRecorder) -> None:
    first = event()
    recorder.insert_events([first])
    with pytest.raises(IntegrityError):
        recorder.insert_events([first])
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(), first], tracking=Tracking("Elsewhere", 1))


def test_another_constraint_is_no_taken_version(
    durable_persistence: Environment, open_application: Open
) -> None:
    """A constraint that somebody put on the log, as an example of any that may be broken."""
    recorder = open_application(Orders, durable_persistence).recorder
    match recorder:
        case PostgresRecorder():
            with recorder.datastore.get_connection() as connection:
                connection.execute("ALTER TABLE orders_events ADD CONSTRAINT small CHECK (topic <> 'Large')")
        case SqliteRecorder():
            with recorder.datastore.transaction(commit=True) as cursor:
                cursor.execute("CREATE UNIQUE INDEX topics ON stored_events (topic)")
            recorder.insert_events([StoredEvent(uuid4(), 1, "Large", b"{}")])
    try:
        with pytest.raises(DamagedLog, match=r"small|topic"):
            recorder.insert_events([StoredEvent(uuid4(), 1, "Large", b"{}")])
    finally:
        if isinstance(recorder, PostgresRecorder):
            with recorder.datastore.get_connection() as connection:
                connection.execute("ALTER TABLE orders_events DROP CONSTRAINT small")
