"""Whether an error says that the disk is full: what to do is then different from a store that is away.

SQLite says so when it cannot make a file longer. When it cannot even make the small files that it needs
beside the store's it only speaks of an I/O error, so there the disk itself is asked.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg.errors
from eventsourcing.persistence import OperationalError

_OF_THE_FILE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_LEAST_ROOM = 64 * 1024
"""Bytes. SQLite begins its index of a write-ahead log with half of that."""


class StoreFull(OperationalError):
    """The disk on which the store is kept is full."""


def is_full(error: BaseException | None, folder: Path | None = None) -> bool:
    """Whether an error came from a full disk; `folder` is where the files are, if it is about files."""
    return any(_says_so(one, folder) for one in _causes(error))


def is_of_a_full_disk(error: OSError) -> bool:
    """Whether the system says that the disk, or somebody's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _says_so(error: BaseException, folder: Path | None) -> bool:
    match error:
        case StoreFull() | psycopg.errors.DiskFull():
            return True
        case OSError():
            return is_of_a_full_disk(error)
        case sqlite3.Error():
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            return code == sqlite3.SQLITE_FULL or (code in _OF_THE_FILE and _has_no_room(folder))
    return False


def _has_no_room(folder: Path | None) -> bool:
    try:
        disk = os.statvfs(folder) if folder is not None else None
    except OSError:
        return False
    return disk is not None and (
        disk.f_bavail * disk.f_frsize < _LEAST_ROOM or disk.f_favail == 0 < disk.f_files
    )
