"""Shops on every persistence in which something cannot be processed."""

from tests.support.fixtures import (
    durable_persistence,
    emptied_postgres,
    in_memory,
    on_postgres,
    on_sqlite,
    open_way,
    persistence,
    quick_folder,
    shared_database,
    tuned_postgres,
)
from tests.support.poison import short_pauses

__all__ = [
    "durable_persistence",
    "emptied_postgres",
    "in_memory",
    "on_postgres",
    "on_sqlite",
    "open_way",
    "persistence",
    "quick_folder",
    "shared_database",
    "short_pauses",
    "tuned_postgres",
]
