"""One text for a statement or table, for SQLite and PostgreSQL alike.

Parameters are written ``:name`` and tables ``@name``. Both databases understand
``INSERT .. ON CONFLICT .. DO UPDATE``, so a statement needs no second version.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_PARAMETER = re.compile(r":([a-z_][a-z0-9_]*)")


@dataclass(frozen=True)
class Write:
    """A statement and its parameters, to be executed in the transaction that moves the position."""

    statement: str
    parameters: Mapping[str, Any]


@cache
def for_sqlite(statement: str) -> str:
    """The statement as SQLite takes it."""
    return statement.replace("@", "")


@cache
def for_postgres(statement: str, schema: str) -> bytes:
    """The statement as psycopg takes it, with its tables in a schema."""
    named = _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%"))
    return named.replace("@", f'"{schema}".').encode()
