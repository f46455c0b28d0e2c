"""One text for a query or table, for SQLite and PostgreSQL alike.

Parameters are written ``:name``, tables ``@name``, and what the two databases say differently as a
function: ``seconds_of(column)`` for a stored time as seconds since 1970, and
``before_colon(column)`` for the part of a text before its first colon; ``seconds_now()`` is the time of
the database's clock, as seconds since 1970.
"""

import re
from collections.abc import Mapping
from functools import cache

_PARAMETER = re.compile(r":([a-z_][a-z0-9_]*)")
_FUNCTION = re.compile(r"\b(seconds_of|before_colon|seconds_now)\(([a-z_.]*)\)")

_IN_SQLITE = {
    "seconds_of": "(CAST(strftime('%s', {0}) AS INTEGER) + CAST(substr({0}, 20, 7) AS REAL))",
    "before_colon": "(CASE WHEN instr({0}, ':') > 0 THEN substr({0}, 1, instr({0}, ':') - 1) ELSE {0} END)",
    "seconds_now": "((julianday('now') - 2440587.5) * 86400.0)",
}
_IN_POSTGRES = {
    "seconds_of": "date_part('epoch', CAST({0} AS timestamptz))",
    "before_colon": "split_part({0}, ':', 1)",
    "seconds_now": "date_part('epoch', clock_timestamp())",
}


@cache
def for_sqlite(statement: str) -> str:
    """The statement as SQLite takes it."""
    return _functions(statement, _IN_SQLITE).replace("@", "")


@cache
def for_postgres(statement: str, schema: str) -> bytes:
    """The statement as psycopg takes it, with its tables in a schema."""
    named = _PARAMETER.sub(r"%(\1)s", _functions(statement, _IN_POSTGRES).replace("%", "%%"))
    return named.replace("@", f'"{schema}".').encode()


def _functions(statement: str, meanings: Mapping[str, str]) -> str:
    return _FUNCTION.sub(lambda found: meanings[found[1]].format(found[2]), statement)
