"""Stores and systems for the matrix."""

from tests.support.fixtures import emptied_postgres, open_way, quick_folder, shared_database
from tests.support.poison import short_pauses

__all__ = ["emptied_postgres", "open_way", "quick_folder", "shared_database", "short_pauses"]
