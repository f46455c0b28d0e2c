"""The tables of the leases on PostgreSQL."""

LEASE_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS {schema}.orderwright_leases (
        follower text PRIMARY KEY, owner text NOT NULL, expires_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)""",
    """
    CREATE TABLE IF NOT EXISTS {schema}.orderwright_runners (
        runner text PRIMARY KEY, host text NOT NULL, pid int NOT NULL, is_guest boolean NOT NULL,
        wanted text[] NOT NULL, seen_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)""",
)
"""The tables of the leases on PostgreSQL; ``{schema}`` is to be filled in. Their rows are rewritten
all day long, which costs least where a page has room for the next version of a row."""
