"""One runner a store: a lease that the operating system or the database takes back when its owner dies."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

import psycopg


class Lease(Protocol):
    """The right to run the followers of a store."""

    def acquire(self) -> bool:
        """Take the lease if it is free. Having it already is fine."""
        ...

    def release(self) -> None:
        """Give the lease back."""
        ...


class SoleOwner:
    """The lease of a store that only this process can see (events in memory)."""

    def acquire(self) -> bool:
        """See `Lease`."""
        return True

    def release(self) -> None:
        """See `Lease`."""


class FileLease:
    """A lock on a file beside the SQLite files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """See `Lease`."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """See `Lease`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class PostgresLease:
    """An advisory lock, held by a connection of its own."""

    _KEY = 0x6F72646572777269  # "orderwri"

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def acquire(self) -> bool:
        """See `Lease`. Raises `psycopg.OperationalError` when the database is away."""
        if self._connection is not None:
            return self._still_held()
        connection = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5)
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._KEY,)).fetchone()
        if row is None or not row[0]:
            connection.close()
            return False
        self._connection = connection
        return True

    def release(self) -> None:
        """See `Lease`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _still_held(self) -> bool:
        """A lock lives as long as its connection."""
        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return True
        except psycopg.Error:
            self.release()
        return False
