"""Can a database hold this system? Asked before anything is made or opened in it.

What is assumed of a database and cannot be set for a session is looked at here: a fault is told in a
line of its own, with the name of the database and the cure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from eventsourcing.persistence import OperationalError, PersistenceError
from psycopg.rows import namedtuple_row

from .answers import PoliteConnection
from .pool import translated

OLDEST_VERSION = 130000
"""The oldest server that this is made for, as PostgreSQL numbers them. Its predecessors have no repairs."""

CONNECT_WITHIN_SECONDS = 5
"""At start there is nobody who waits for an answer: a busy server may take so long, whatever is set."""

ROUNDS = 5
"""So often it is looked whether a pooler keeps a session with its connection."""


class UnsuitableDatabase(PersistenceError):
    """A database cannot hold this system; the message says why, a line each."""


class TakesNoWrites(OperationalError):
    """A database can be read only, at present."""


@dataclass(frozen=True)
class Database:
    """A database that this process connects to. Of `least` connections it cannot do without one, and it
    opens `most` at a time at most."""

    parameters: Mapping[str, Any] = field(repr=False)
    least: int = 1
    most: int = 1

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"database {self.parameters['dbname']} on {self.parameters['host']}"


@dataclass(frozen=True)
class Examination:
    """What was found about a database. `risks` do not keep it from being used."""

    faults: tuple[str, ...]
    no_writes: tuple[str, ...]
    risks: tuple[str, ...]


def require_suitable(databases: Sequence[Database], *, must_write: bool = False) -> list[str]:
    """What is risky about these databases, which can hold this system. Raises `UnsuitableDatabase`, and where
    writes are needed `TakesNoWrites`; the library's `PersistenceError` when one cannot be asked."""
    found = [examine(database) for database in databases]
    faults = [line for each in found for line in each.faults]
    if faults:
        raise UnsuitableDatabase("\n".join(faults))
    no_writes = [line for each in found for line in each.no_writes]
    if must_write and no_writes:
        raise TakesNoWrites("\n".join(no_writes))
    return [line for each in found for line in each.risks]


def examine(database: Database) -> Examination:
    """Look at a database. Nothing is changed there, nor is any setting of a session."""
    patience = max(database.parameters["connect_timeout"], CONNECT_WITHIN_SECONDS)
    parameters = {**database.parameters, "connect_timeout": patience, "session": (), "autocommit": True}
    with translated(), PoliteConnection.connect(**parameters) as connection:
        cursor = connection.cursor(row_factory=namedtuple_row)
        facts: Any = cursor.execute(_FACTS).fetchone()
        # A pooler tells its clients another process than the one that serves them.
        is_pooled = facts.pid != connection.info.backend_pid
        keeps_sessions = not is_pooled or _keeps_sessions(connection, parameters)

    def told(lines: Iterator[str]) -> tuple[str, ...]:
        return tuple(f"{database.name}: {line}" for line in lines)

    return Examination(
        told(_faults(facts, database, keeps_sessions)), told(_no_writes(facts)), told(_risks(facts, database))
    )


_FACTS = b"""
    SELECT pg_backend_pid() AS pid, rolname AS role,
        current_setting('server_encoding') AS encoding,
        current_setting('server_version_num')::int AS version_number,
        current_setting('server_version') AS version,
        pg_is_in_recovery() AS is_standby,
        current_setting('default_transaction_read_only') = 'on' AS is_read_only,
        current_setting('fsync') = 'on' AS flushes,
        current_setting('full_page_writes') = 'on' AS writes_whole_pages,
        least(
            current_setting('max_connections')::int - CASE WHEN rolsuper THEN 0 ELSE
                current_setting('superuser_reserved_connections')::int
                + coalesce(current_setting('reserved_connections', true)::int, 0) END,
            CASE WHEN rolconnlimit >= 0 AND NOT rolsuper THEN rolconnlimit END,
            CASE WHEN datconnlimit >= 0 AND NOT rolsuper THEN datconnlimit END
        ) AS connections
    FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"""


def _faults(facts: Any, database: Database, keeps_sessions: bool) -> Iterator[str]:
    if facts.encoding != "UTF8":
        yield (
            f"its encoding is {facts.encoding}, which cannot hold every text, and UTF8 is needed: make "
            "another one with CREATE DATABASE ... ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' "
            "TEMPLATE template0"
        )
    if facts.version_number < OLDEST_VERSION:
        yield (
            f"its server is PostgreSQL {facts.version}, and {OLDEST_VERSION // 10000} or newer is needed: "
            "upgrade the server"
        )
    if facts.connections < database.least:
        yield (
            f"role {facts.role} may have {facts.connections} connections, and one process needs "
            f"{database.least} at least: raise max_connections, or the CONNECTION LIMIT of the role or the "
            "database"
        )
    if not keeps_sessions:
        yield (
            "the pooler in front of it (such as PgBouncer) hands each transaction to another session, and "
            "sessions are needed, for news of events and for settings: set pool_mode = session for this "
            "database there, or name the server itself in POSTGRES_HOST and POSTGRES_PORT"
        )


def _no_writes(facts: Any) -> Iterator[str]:
    if facts.is_standby:
        yield (
            "it is a standby, which takes no writes: name the primary in POSTGRES_HOST, or promote this one "
            "when the primary is gone"
        )
    elif facts.is_read_only:
        yield (
            "default_transaction_read_only is on, so it takes no writes: have an administrator reset it for "
            f"the server, the database or role {facts.role}"
        )


def _risks(facts: Any, database: Database) -> Iterator[str]:
    settings = {"fsync": facts.flushes, "full_page_writes": facts.writes_whole_pages}
    off = [name for name, is_on in settings.items() if not is_on]
    if off:
        yield (
            f"off on its server: {' and '.join(off)}, so a power cut may take away orders that were "
            "answered, or the whole database: switch it on, unless this server is for trials"
        )
    if database.least <= facts.connections < database.most:
        yield (
            f"role {facts.role} may have {facts.connections} connections, and one process opens up to "
            f"{database.most} under load, so commands would be refused then: lower POSTGRES_MAX_OVERFLOW, or "
            "raise max_connections or the CONNECTION LIMIT"
        )


def _keeps_sessions(connection: psycopg.Connection[Any], parameters: Mapping[str, Any]) -> bool:
    """Whether two connections are served by two processes, and each by one, all the time."""
    with PoliteConnection.connect(**parameters) as other:
        mine, others = set(), set()
        for _ in range(ROUNDS):
            mine.add(_process_of(connection))
            others.add(_process_of(other))
    return len(mine) == 1 and len(others) == 1 and mine != others


def _process_of(connection: psycopg.Connection[Any]) -> int:
    (process,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    return int(process)
