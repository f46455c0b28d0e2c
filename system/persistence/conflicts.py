"""Which broken constraint means what.

That a version of a stream is taken, or that a position was moved by somebody else, is an answer: the
library's `IntegrityError`, and whoever gets it reads again and decides anew. Any other constraint
that is broken says that the store is not as it should be, and must not be taken for that answer.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    PersistenceError,
)

from .agreement import REFUSED, REFUSED_STATE, LogDisagrees

FENCE = "orderwright_fence"
"""The name under which the tuned module's fence complains: the position was moved by somebody else."""


class DamagedLog(InternalError):
    """A log that breaks its own rules. Nothing was recorded, and it is no conflict of versions."""


@contextmanager
def told_apart() -> Iterator[None]:
    """Raises in the place of the library's `IntegrityError`, which stands for every broken constraint,
    what the broken one means; and `LogDisagrees` where the log takes no events."""
    try:
        yield
    except IntegrityError as error:
        match error.__cause__:
            case psycopg.IntegrityError() as cause:
                raise meaning_of(cause) from cause
            case sqlite3.IntegrityError() as cause:
                raise meaning_in_sqlite(cause) from cause
        raise
    except OperationalError as error:
        if is_refusal(error.__cause__):
            raise LogDisagrees(REFUSED) from error
        raise


def meaning_of(error: psycopg.IntegrityError) -> PersistenceError:
    """What a constraint of PostgreSQL means that was broken."""
    constraint, table = error.diag.constraint_name or "", error.diag.table_name or ""
    if constraint == FENCE or (is_log(table) and constraint == f"{table}_pkey"):
        return IntegrityError(str(error))
    if is_log(table):
        return DamagedLog(f"constraint {constraint or error.sqlstate} of {table} is broken: {error}")
    return DataError(str(error))


def meaning_in_sqlite(error: sqlite3.IntegrityError) -> PersistenceError:
    """What a constraint of SQLite means that was broken. It names the columns."""
    text = str(error)
    if text == REFUSED:
        return LogDisagrees(REFUSED)
    if text.startswith("UNIQUE") and (".originator_version" in text or "tracking." in text):
        return IntegrityError(text)
    if "stored_events." in text:
        return DamagedLog(f"the log breaks its own rules: {text}")
    return DataError(text)


def is_refusal(error: BaseException | None) -> bool:
    """Whether this is how a table of events on PostgreSQL says that it takes none."""
    return isinstance(error, psycopg.Error) and error.sqlstate == REFUSED_STATE


def is_missing_table(error: PersistenceError) -> bool:
    """Whether a statement asked for a table that is not there."""
    cause = error.__cause__
    is_so_in_sqlite = isinstance(cause, sqlite3.OperationalError) and "no such table" in str(cause)
    return is_so_in_sqlite or isinstance(cause, psycopg.errors.UndefinedTable)


def is_log(table: str) -> bool:
    """Whether a table of PostgreSQL holds a log."""
    return table.endswith("_events")
