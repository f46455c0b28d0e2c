"""Migrations of the tuned module: the steps of `steps`, taken in their order for each application.

``orderwright migrate`` takes them; nothing is made at start. Several may start it at once: the
steps of a database are taken under a lock, each in a transaction of its own together with the
note that it was taken. A store whose schema is older or newer than this release is not opened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg.rows import TupleRow

from system.persistence.answers import PoliteConnection

from .pool import translated
from .steps import MIGRATIONS, Migration, Target

__all__ = ["MIGRATIONS", "Applied", "Migration", "SchemaMismatch", "Target", "check", "migrate"]

_LOCK = 0x6F77736368656D61  # "owschema"


class SchemaMismatch(PersistenceError):
    """The schema of a store is not the one that this release works with."""


@dataclass(frozen=True)
class Applied:
    """A step that was taken now."""

    application: str
    number: int
    title: str


def migrate(
    targets: Sequence[Target], progress: Callable[[Applied], object] = lambda _: None
) -> list[Applied]:
    """Take every step that was not taken yet; those that were taken. Others who try wait meanwhile.

    Raises `SchemaMismatch` when a store is newer than this release, and the library's
    `PersistenceError` when a database is away or refuses a step; the steps before it stay taken.
    """
    taken = []
    with translated():
        for target in targets:
            with psycopg.connect(target.conninfo, autocommit=True) as connection:
                connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
                for step in _missing(connection, target):
                    taken.append(_take(connection, target, step))
                    progress(taken[-1])
    return taken


def check(targets: Sequence[Target]) -> None:
    """Raise `SchemaMismatch` unless every application's tables are as this release needs them."""
    with translated():
        for target in targets:
            with PoliteConnection.connect(target.conninfo, autocommit=True) as connection:
                missing = _missing(connection, target)
            if missing:
                raise SchemaMismatch(
                    f"the tables of {target.application} have schema version {missing[0].number - 1}, "
                    f"this release needs {MIGRATIONS[-1].number}: run `orderwright migrate`"
                )


def _missing(connection: psycopg.Connection[TupleRow], target: Target) -> list[Migration]:
    present = _version(connection, target)
    if present > MIGRATIONS[-1].number:
        raise SchemaMismatch(
            f"the tables of {target.application} have schema version {present}, "
            f"this release knows {MIGRATIONS[-1].number}: run the newer release"
        )
    return [step for step in MIGRATIONS if step.number > present]


def _version(connection: psycopg.Connection[TupleRow], target: Target) -> int:
    try:
        row = connection.execute(
            _filled("SELECT max(version) FROM {schema}.orderwright_schema WHERE application = %s", target),
            (target.application,),
        ).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return 0
    return cast(tuple[int | None], row)[0] or 0


def _take(connection: psycopg.Connection[TupleRow], target: Target, step: Migration) -> Applied:
    with connection.transaction():
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
