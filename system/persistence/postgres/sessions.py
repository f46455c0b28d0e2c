"""Every session with PostgreSQL has the settings that this system relies on, whatever the server, the
database or the role would have given it.

They are set when a connection has been made, not while it is made: poolers take few settings then.
"""

from collections.abc import Sequence
from typing import Any, Self

from psycopg import Connection
from psycopg.rows import TupleRow

Session = tuple[tuple[str, str], ...]
"""Settings of PostgreSQL with their values."""

RELIED_ON: Session = (
    ("standard_conforming_strings", "on"),
    ("default_transaction_isolation", "read committed"),  # locks are taken before what they protect is read
    ("DateStyle", "ISO"),
    ("synchronous_commit", "on"),
)

UNLIMITED: Session = (
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("transaction_timeout", "0"),
)
"""For what may take as long as it takes."""

_SET = b"""
    SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS wanted (name, value)
    WHERE CASE name WHEN 'synchronous_commit' THEN current_setting(name) = 'off'
    ELSE current_setting(name, true) IS NOT NULL END"""
"""A setting that this server does not have is passed over. How far a commit goes (to one standby, to all) is
the operator's affair; that it does not end before it is on disk is ours: an answered command survives."""


class SettledConnection(Connection[TupleRow]):
    """A connection whose session has the settings it is given."""

    @classmethod
    def connect(  # type: ignore[override]  # it takes one argument more, and hands on those it does not know
        cls,
        conninfo: str = "",
        *,
        session: Sequence[tuple[str, str]] = (),
        autocommit: bool = False,
        **kwargs: Any,
    ) -> Self:
        """See `psycopg.Connection`."""
        connection = super().connect(conninfo, autocommit=True, **kwargs)
        try:
            if session:
                connection.execute(_SET, ([name for name, _ in session], [value for _, value in session]))
            connection.autocommit = autocommit
        except BaseException:
            connection.close()
            raise
        return connection
