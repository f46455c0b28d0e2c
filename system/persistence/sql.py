"""One text for a query or table, for SQLite and PostgreSQL alike.

Parameters are written ``:name`` and tables ``@name``.
"""

import re
from functools import cache

_PARAMETER = re.compile(r":([a-z_][a-z0-9_]*)")


@cache
def for_sqlite(statement: str) -> str:
    """The statement as SQLite takes it."""
    return statement.replace("@", "")


@cache
def for_postgres(statement: str, schema: str) -> bytes:
    """The statement as psycopg takes it, with its tables in a schema."""
    named = _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%"))
    return named.replace("@", f'"{schema}".').encode()
