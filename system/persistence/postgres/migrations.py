"""Migrations of the tuned module: the steps of `steps`, taken in their order for each application.

``orderwright migrate`` takes them; nothing is made at start. Several may start it at once: each step
is taken in a transaction of its own together with the note that it was taken, and under a lock that
this transaction holds. A store whose schema is older or newer than this release is not opened.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from eventsourcing.persistence import PersistenceError

from .answers import PoliteConnection
from .pool import translated
from .rights import NotAllowed, require_rights
from .sessions import RELIED_ON, UNLIMITED, SettledConnection
from .steps import MIGRATIONS, Migration, Target
from .taking_turns import in_turn

__all__ = ["MIGRATIONS", "Applied", "Migration", "SchemaMismatch", "Target", "check", "migrate"]

Connection = psycopg.Connection[Any]


class SchemaMismatch(PersistenceError):
    """The schema of a store is not the one that this release works with."""


@dataclass(frozen=True)
class Applied:
    """A step that was taken now."""

    application: str
    number: int
    title: str


def _nobody(_: object) -> None:
    pass


def migrate(
    targets: Sequence[Target],
    progress: Callable[[Applied], object] = _nobody,
    waiting: Callable[[str], object] = _nobody,
) -> list[Applied]:
    """Take every step that was not taken yet; those that were taken. Others who try wait meanwhile, and
    `waiting` is told for whom.

    Raises `SchemaMismatch` when a store is newer than this release, `NotAllowed` when the role lacks a
    right, `StillLocked` when somebody keeps what is needed, and the library's `PersistenceError` when a
    database is away or refuses a step; the steps before it stay taken.
    """
    taken = []
    for target in targets:
        with _connected(target, SettledConnection) as connection:
            if _missing(connection, target):
                require_rights(connection, target)
            while _missing(connection, target):
                applied = in_turn(connection, lambda: _take_next(connection, target), waiting)  # noqa: B023
                if applied is not None:
                    taken.append(applied)
                    progress(applied)
    return taken


def check(targets: Sequence[Target]) -> None:
    """Raise `SchemaMismatch` unless every application's tables are as this release needs them."""
    for target in targets:
        with _connected(target, PoliteConnection) as connection:
            missing = _missing(connection, target)
        if missing:
            raise SchemaMismatch(
                f"the tables of {target.application} have schema version {missing[0].number - 1}, "
                f"this release needs {MIGRATIONS[-1].number}: run `orderwright migrate`"
            )


@contextmanager
def _connected(target: Target, kind: type[SettledConnection]) -> Iterator[Connection]:
    """A connection to a target's database, on which nothing is cut short by the server's limits."""
    parameters = {**target.parameters, "session": (*RELIED_ON, *UNLIMITED), "autocommit": True}
    with translated():
        try:
            with kind.connect(**parameters) as connection:
                yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotAllowed(
                f"role {target.parameters['user']} lacks a right in schema {target.schema} of database "
                f"{target.parameters['dbname']} ({error.diag.message_primary}): docs/stores.md lists those "
                "that it needs"
            ) from error


def _missing(connection: Connection, target: Target) -> list[Migration]:
    present = _version(connection, target)
    if present > MIGRATIONS[-1].number:
        raise SchemaMismatch(
            f"the tables of {target.application} have schema version {present}, "
            f"this release knows {MIGRATIONS[-1].number}: run the newer release"
        )
    return [step for step in MIGRATIONS if step.number > present]


def _version(connection: Connection, target: Target) -> int:
    there_is = connection.execute(
        "SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = %s AND relname = 'orderwright_schema'",
        (target.schema,),
    ).fetchone()
    if there_is is None:
        return 0
    row = connection.execute(
        _filled("SELECT max(version) FROM {schema}.orderwright_schema WHERE application = %s", target),
        (target.application,),
    ).fetchone()
    return cast(tuple[int | None], row)[0] or 0


def _take_next(connection: Connection, target: Target) -> Applied | None:
    """Take the first step that is missing, in the transaction that is open; None when somebody else has
    taken the last one meanwhile."""
    step = next(iter(_missing(connection, target)), None)
    if step is None:
        return None
    for statement in step.statements(target):
        connection.execute(_filled(statement, target))
    connection.execute(
        _filled("INSERT INTO {schema}.orderwright_schema VALUES (%s, %s, %s, now())", target),
        (target.application, step.number, step.title),
    )
    return Applied(target.application, step.number, step.title)


def _filled(template: str, target: Target) -> bytes:
    text = template.replace("{schema}", f'"{target.schema}"').replace("{app}", target.prefix)
    return text.encode()
