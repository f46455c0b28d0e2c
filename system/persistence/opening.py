"""Opens the store of an application, while others may be making its tables."""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InternalError, PersistenceError

from .full_disk import StoreFull, is_full

A = TypeVar("A", bound=Application[UUID])

OPEN_WITHIN_SECONDS = 2.0
BUSY_FOR_SECONDS = 20.0
"""So much longer a file of SQLite may be in the hands of others who make their tables in it as well."""

PAUSE_BETWEEN_TRIES = 0.05


def open_application(application_class: type[A], environment: Mapping[str, str]) -> A:
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


def _folder_of(application: str, environment: Mapping[str, str]) -> Path | None:
    """Where the SQLite file of an application is."""
    file = environment.get(f"{application.upper()}_SQLITE_DBNAME")
    return Path(file).parent if file else None


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    """Whether somebody else has the file in hand just now."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
