"""What can happen to a log from outside: it loses its end, or another one is put in its place."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from psycopg.sql import SQL, Identifier

from system.definition import orderwright as definition
from system.persistence.agreement import LogDisagrees
from system.settings.environment import ON_POSTGRES, Settings
from system.stores import application_environment


def tell_postgres(environment: Mapping[str, str], statement: str, *parameters: Any) -> list[Any]:
    """Have the database do something; what it answers."""
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
    ) as connection:
        cursor = connection.execute(SQL(statement), parameters or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def sqlite_file(environment: Mapping[str, str], application: str) -> Iterator[sqlite3.Connection]:
    """The file of an application, opened by somebody who commits when done."""
    path = Path(environment["ORDERWRIGHT_DATA"]) / f"{application}.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        yield file


def lose_the_end(environment: Mapping[str, str], log: str, events: int) -> list[Any]:
    """The last events of a log go, and its sequence back, as in an older dump; the rows that went."""
    table = f"{log.lower()}_events"
    if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
        lost = tell_postgres(
            environment,
            f"DELETE FROM {table} WHERE notification_id > "
            f"(SELECT max(notification_id) - %s FROM {table}) RETURNING *",
            events,
        )
        tell_postgres(
            environment,
            f"SELECT setval('{table}_notification_id_seq', (SELECT max(notification_id) FROM {table}))",
        )
        return lost
    with sqlite_file(environment, log) as file:
        statement = (
            "DELETE FROM stored_events WHERE rowid > (SELECT max(rowid) FROM stored_events) - ? "
            "RETURNING rowid, *"
        )
        return file.execute(statement, (events,)).fetchall()


def bring_back(environment: Mapping[str, str], log: str, rows: list[Any]) -> None:
    """What a log had lost stands where it stood."""
    marks = ", ".join(["%s"] * len(rows[0]))
    if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
        table = f"{log.lower()}_events"
        with psycopg.connect(
            host=environment["POSTGRES_HOST"],
            user=environment["POSTGRES_USER"],
            dbname=environment["POSTGRES_DBNAME"],
        ) as connection:
            connection.execute(SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(Identifier(table)))
            for row in rows:
                connection.execute(SQL(f"INSERT INTO {table} VALUES ({marks})"), row)
            connection.execute(SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(Identifier(table)))
        return
    with sqlite_file(environment, log) as file:
        statement = "SELECT sql FROM sqlite_master WHERE name = 'stored_events_refused'"
        ((trigger,),) = file.execute(statement).fetchall()
        file.execute("DROP TRIGGER stored_events_refused")
        file.executemany(
            "INSERT INTO stored_events (rowid, originator_id, originator_version, topic, state) "
            "VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        file.execute(trigger)


def grow(environment: Mapping[str, str], log: str, events: int, *, refused: bool = False) -> None:
    """Somebody who follows nothing and looks at nothing appends to a log; where that is refused, past
    what refuses it."""
    if refused:
        with pytest.raises(LogDisagrees):
            grow(environment, log, 1)
        bring_back(environment, log, [_a_row(environment, log, number) for number in range(1, events + 1)])
        return
    settings = Settings.from_environment(environment)
    application = definition.get_app_cls(log)(env=application_environment(settings))
    try:
        for _ in range(events):
            state = b'{"timestamp": {"_type_": "datetime_iso", "_data_": "2030-01-01T00:00:00+00:00"}}'
            application.recorder.insert_events([StoredEvent(uuid4(), 1, "Order.Elsewhere", state)])
    finally:
        application.close()


def _a_row(environment: Mapping[str, str], log: str, number: int) -> tuple[Any, ...]:
    """A row that stands so many positions after the end of a log."""
    if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
        ((head,),) = tell_postgres(environment, f"SELECT max(notification_id) FROM {log.lower()}_events")
        return uuid4(), 1, "Order.Elsewhere", b"{}", head + number
    with sqlite_file(environment, log) as file:
        (head,) = file.execute("SELECT max(rowid) FROM stored_events").fetchone()
    return head + number, uuid4().hex, 1, "Order.Elsewhere", b"{}"


def forget_marks(environment: Mapping[str, str]) -> None:
    """Positions are kept as an early release kept them: as numbers and no more."""
    for follower in definition.followers:
        if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
            tell_postgres(environment, f"UPDATE {follower.lower()}_tracking SET mark = NULL")
        else:
            with sqlite_file(environment, follower) as file:
                file.execute("DELETE FROM marks")


def damage_the_last(environment: Mapping[str, str], log: str) -> None:
    """The last event of a log is cut off in the middle."""
    if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
        table = f"{log.lower()}_events"
        tell_postgres(
            environment,
            f"UPDATE {table} SET state = substring(state FROM 1 FOR 20) "
            f"WHERE notification_id = (SELECT max(notification_id) FROM {table})",
        )
        return
    with sqlite_file(environment, log) as file:
        file.execute(
            "UPDATE stored_events SET state = substr(state, 1, 20) "
            "WHERE rowid = (SELECT max(rowid) FROM stored_events)"
        )
