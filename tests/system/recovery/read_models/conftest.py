"""Shops on every store, moved by hand."""

from tests.support.fixtures import (
    durable_persistence,
    emptied_postgres,
    in_memory,
    on_sqlite,
    open_way,
    persistence,
    quick_folder,
    shared_database,
    tuned_postgres,
)

__all__ = [
    "durable_persistence",
    "emptied_postgres",
    "in_memory",
    "on_sqlite",
    "open_way",
    "persistence",
    "quick_folder",
    "shared_database",
    "tuned_postgres",
]
