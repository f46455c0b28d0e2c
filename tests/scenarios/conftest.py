"""Every story is told on every persistence and under both runners."""

from tests.support.fixtures import (
    emptied_postgres,
    open_shop,
    open_way,
    persistence,
    quick_folder,
    shared_database,
    shop,
)

__all__ = [
    "emptied_postgres",
    "open_shop",
    "open_way",
    "persistence",
    "quick_folder",
    "shared_database",
    "shop",
]
