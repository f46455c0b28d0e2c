"""Everything that a store holds, down to its sequences, as one comparable value a table."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from system.bootstrap import Orderwright
from system.persistence.memory import InMemoryRecorder
from system.persistence.sqlite.recorder import SqliteRecorder
from system.settings.environment import ON_POSTGRES


def everything_in(orderwright: Orderwright, environment: Mapping[str, str]) -> dict[str, str]:
    """A hash of each table, by its name, and where each sequence stands."""
    if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
        return _in_postgres(environment)
    found: dict[str, str] = {}
    for name, application in orderwright.applications.items():
        recorder: Any = application.recorder
        if isinstance(recorder, InMemoryRecorder):
            found[f"{name}.events"] = _hash(recorder._stored_events)
            found[f"{name}.tracking"] = _hash(sorted(recorder._max_tracking_ids.items()))
        else:
            assert isinstance(recorder, SqliteRecorder)
            for row in recorder.rows("SELECT name FROM sqlite_master WHERE type = 'table'", {}):
                table = row["name"]
                rows = recorder.rows(f"SELECT * FROM {table}", {})
                found[f"{name}.{table}"] = _hash(sorted(map(str, rows)))
    return found


def _in_postgres(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
    ) as connection:
        kinds = "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        for name, kind in connection.execute(kinds).fetchall():
            if kind == "r":
                rows = connection.execute(
                    SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(Identifier(name))
                )
                found[name] = _hash(rows.fetchall())
            elif kind == "S":
                at = connection.execute(SQL("SELECT last_value, is_called FROM {}").format(Identifier(name)))
                found[name] = str(at.fetchone())
    return found


def _hash(rows: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row!r}\n".encode())
    return digest.hexdigest()
