"""The base of every read model."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, TypeVar, cast
from uuid import uuid4

from eventsourcing.persistence import InfrastructureFactory, PersistenceError
from eventsourcing.popo import POPOFactory
from eventsourcing.sqlite import SQLiteFactory
from eventsourcing.utils import Environment, EnvType, strtobool

from system.persistence.agreement import KeepsAgreement
from system.persistence.conflicts import is_missing_table
from system.persistence.tables import FIRST_VERSION, Change, at_version
from system.persistence.versions import key_at, version_of

from .follower import Follower
from .subjects import ORDER, Subject
from .unit_of_work import UnitOfWork
from .versions import Versions, shape_of

T = TypeVar("T")


class Projection(Follower):
    """Follows, and keeps rows. Rows and position are written in one transaction, so every event
    counts exactly once. Columns are set; nothing is ever added to what was there.
    """

    subject: ClassVar[Subject] = ORDER
    """What its rows are about."""

    def __init__(self, env: EnvType | None = None) -> None:
        super().__init__(env)
        store = cast(KeepsAgreement, self.recorder)  # rows are kept in SQL, whatever events are kept in
        self.versions = Versions(store, self.tables, self.shape())
        if strtobool(self.env.get("CREATE_TABLE") or "yes"):
            self.versions.create_tables()

    @classmethod
    def shape(cls) -> str:
        """What the rows are that this code keeps."""
        return shape_of(cls.tables, cls.version)

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

    def _changes_of(self, work: UnitOfWork) -> Iterable[Change]:
        """Those of the version that the position is of; without a position, of the one in use."""
        version = version_of(work.position.application_name) if work.position else self.versions.used
        return [change.at(version) for change in work.rows]

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows that a query gives, in the version that is in use. Its tables are written as they are
        named in version 1."""
        version = self.versions.used
        try:
            return self.recorder.rows(self.at(statement, version), parameters)
        except PersistenceError as error:  # somebody has switched to another version and dropped this one
            if not is_missing_table(error) or self.versions.ask() == version:
                raise
        return self.recorder.rows(self.at(statement, self.versions.used), parameters)

    def at(self, statement: str, version: int) -> str:
        """A query about the tables of version 1, about those of another."""
        return statement if version == FIRST_VERSION else _at(statement, version)

    def key_of(self, leader: str) -> str:
        """See `Follower.key_of`: a position is one of the version in use."""
        return key_at(leader, self.versions.used)

    def position_in(self, leader: str) -> int:
        """The position in a leader's log of the version in use."""
        return self.recorder.checkpoint(self.key_of(leader))[0]

    def keys_of(self, leader: str) -> Sequence[str]:
        """See `Follower.keys_of`."""
        return [key_at(leader, version) for version in self.versions.present()]


@cache
def _at(statement: str, version: int) -> str:
    return _TABLE.sub(lambda found: at_version(found[0], version), statement)


_TABLE = re.compile(r"@[a-z_0-9]+")


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
