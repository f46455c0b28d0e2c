"""The base of every read model."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar, cast
from uuid import uuid4

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.popo import POPOFactory
from eventsourcing.sqlite import SQLiteFactory
from eventsourcing.utils import Environment, EnvType, strtobool

from .follower import Follower
from .subjects import ORDER, Subject
from .unit_of_work import UnitOfWork

T = TypeVar("T")


class Projection(Follower):
    """Follows, and keeps rows. Rows and position are written in one transaction, so every event
    counts exactly once. Columns are set; nothing is ever added to what was there.
    """

    subject: ClassVar[Subject] = ORDER
    """What its rows are about."""

    def __init__(self, env: EnvType | None = None) -> None:
        super().__init__(env)
        if strtobool(self.env.get("CREATE_TABLE") or "yes"):
            self.recorder.create_tables(self.tables)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Rows need SQL: with events in memory they are kept in an in-memory SQLite database."""
        factory = super().construct_factory(env)
        if not isinstance(factory, POPOFactory):
            return factory
        name = f"file:{self.name}-{uuid4().hex}?mode=memory&cache=shared"
        return SQLiteFactory(Environment(self.name, {**env, f"{self.name.upper()}_SQLITE_DBNAME": name}))

    def handle(self, event: Any, work: UnitOfWork) -> None:
        """React. A read model records no events of its own, so it needs no cause."""
        self.reaction_to(type(event))(self, event, work)

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows that a query gives."""
        return self.recorder.rows(statement, parameters)


class Readable:
    """Reads the columns of one row; what cannot be read is left out and named, so that a list goes on."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row
        self._wrong: list[str] = []

    def get(self, name: str, read: Callable[[Any], T], instead: Any = None) -> T:
        """What a column says, or something else instead."""
        try:
            return read(self._row[name])
        except (ValueError, TypeError):
            self._wrong.append(name)
            return cast(T, instead)

    @property
    def error(self) -> str | None:
        """What could not be read, or None."""
        return f"{' and '.join(self._wrong)} cannot be read in this row" if self._wrong else None


def time_of(text: str | None) -> datetime | None:
    """A stored time, or None."""
    return datetime.fromisoformat(text) if text is not None else None
