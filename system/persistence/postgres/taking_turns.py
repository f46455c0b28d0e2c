"""One migration at a time: one that waits says for which session, and does not wait for ever.

The lock is the transaction's own. A pooler may hand the session to somebody else after that, or leave
it open when the migration is gone: with the transaction the lock has ended all the same.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg.rows import class_row

LOCK = 0x6F77736368656D61  # "owschema"

LOOK_AGAIN_SECONDS = 0.1
TOLD_AFTER_SECONDS = 2.0
WAIT_SECONDS = 60.0
"""So long a migration waits for another one that does nothing, and for tables that somebody else uses."""

R = TypeVar("R")
Connection = psycopg.Connection[Any]


class StillLocked(OperationalError):
    """Somebody else has what a migration needs, and does not give it free. The step was not taken."""


@dataclass(frozen=True)
class Session:
    """Somebody's session, as far as this role may see it."""

    pid: int
    role: str
    program: str
    address: str
    state: str
    seconds: int

    def __str__(self) -> str:
        return (
            f"process {self.pid} of the server (role {self.role}, {self.program}, from {self.address}), "
            f"{self.state} for {self.seconds} seconds"
        )


_SESSION = """
    SELECT pid, coalesce(usename, 'unknown') AS role,
        coalesce(nullif(application_name, ''), 'a program without a name') AS program,
        coalesce(host(client_addr), 'the machine of the server') AS address,
        coalesce(state, 'in a state not shown to this role') AS state,
        coalesce(extract(epoch FROM clock_timestamp() - coalesce(xact_start, state_change)), 0)::int
            AS seconds
    FROM pg_stat_activity"""

_HOLDER = (
    _SESSION
    + """
    WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND classid = %s AND objid = %s
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""
).encode()

_IN_THE_WAY = (
    _SESSION
    + """
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'relation' AND granted)
    ORDER BY xact_start LIMIT 3"""
).encode()


def in_turn(connection: Connection, act: Callable[[], R], say: Callable[[str], object]) -> R:
    """Act in a transaction that no other migration of this database acts beside. `say` is told for whom
    it waits. The connection is in autocommit mode.

    Raises `StillLocked` when another one has done nothing for a minute, or tables were in use for so long.
    """
    began = since = time.monotonic()
    is_told = False
    while True:
        try:
            with connection.transaction():
                if _is_ours(connection):
                    connection.execute(f"SET LOCAL lock_timeout = {round(WAIT_SECONDS * 1000)}".encode())
                    return act()
        except psycopg.errors.LockNotAvailable as error:
            raise StillLocked(_in_use(connection)) from error
        holder = _holder(connection)
        now = time.monotonic()
        if holder is None or holder.state == "active":  # it gets on, however long that takes
            since = now
        elif now - since >= WAIT_SECONDS:
            raise StillLocked(
                f"another migration holds the lock and does nothing: {holder}. Nothing was done here; end "
                f"its session with SELECT pg_terminate_backend({holder.pid}) and migrate again"
            )
        if holder is not None and not is_told and now - began >= TOLD_AFTER_SECONDS:
            is_told = True
            say(f"waiting for another migration: {holder}")
        time.sleep(LOOK_AGAIN_SECONDS)


def _is_ours(connection: Connection) -> bool:
    (is_ours,) = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone() or (False,)
    return bool(is_ours)


def _holder(connection: Connection) -> Session | None:
    cursor = connection.cursor(row_factory=class_row(Session))
    return cursor.execute(_HOLDER, (LOCK >> 32, LOCK & 0xFFFFFFFF)).fetchone()


def _in_use(connection: Connection) -> str:
    users = connection.cursor(row_factory=class_row(Session)).execute(_IN_THE_WAY).fetchall()
    return (
        f"tables that have to be changed were in use for {WAIT_SECONDS:.0f} seconds, by "
        f"{'; '.join(map(str, users)) or 'somebody who is gone now'}. Nothing of this step was done; stop "
        "what uses them, and run `orderwright migrate` again"
    )
