"""A place for what is kept apart from events and read models, and can be lost without losing any fact."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .tables import Step, Table


class SideStore(ABC):
    """Tables of their own, in a file or database of their own where that is wanted.

    Statements are written as in `sql`. Every method raises the library's `PersistenceError` when the
    database is away or refuses.
    """

    @abstractmethod
    def create_tables(self, tables: Iterable[Table]) -> None:
        """Create tables, columns and indexes that are not there yet. Who finds all of them there needs
        no right to make any."""

    @abstractmethod
    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a query gives."""

    @abstractmethod
    def transact(self, steps: Sequence[Step]) -> None:
        """Take these steps in one transaction."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""
