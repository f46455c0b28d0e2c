"""What SQLite searches events by: expressions over the stored JSON, and an index for each.

The table stays the library's own, so events that the library writes are found like ours. An
expression has to be written in a query exactly as it is written in its index.
"""


def stored(path: str) -> str:
    """The value at a path of the stored JSON; NULL where there is none, or where it is no JSON
    (compressed, encrypted, damaged), about which SQLite would complain at every insert."""
    text = "CAST(state AS TEXT)"
    return f"CASE WHEN json_valid({text}) THEN json_extract({text}, '$.{path}') END"


CORRELATION = stored("correlation_id")
USER = stored("user")
RECORDED = stored("timestamp._data_")
"""A time as `datetime.isoformat` writes it. All are UTC, and text that has no fraction of a second
goes on with ``+``, which sorts before the ``.`` of one that has: they sort as the times do."""


def search_indexes(table: str) -> list[str]:
    """Statements that make the indexes which are not there yet. Each holds the position as well."""
    return [
        f"CREATE INDEX IF NOT EXISTS {table}_{name} ON {table} ({what})"
        for name, what in {
            "topic": "topic",
            "correlation": CORRELATION,
            "user": USER,
            "recorded": RECORDED,
        }.items()
    ]
