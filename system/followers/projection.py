"""The base of every read model."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID, uuid4

from eventsourcing.application import ProcessingEvent
from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.popo import POPOFactory
from eventsourcing.sqlite import SQLiteFactory
from eventsourcing.utils import Environment, EnvType, strtobool

from system.followers.follower import Follower
from system.persistence.recorders import RowStore
from system.persistence.tables import Changes, Table

T = TypeVar("T")


class Projection(Follower):
    """Follows, and keeps rows. Rows and position are written in one transaction, so every event
    counts exactly once. Columns are set; nothing is ever added to what was there.
    """

    tables: ClassVar[tuple[Table, ...]] = ()
    """The tables that it keeps."""

    def __init__(self, env: EnvType | None = None) -> None:
        super().__init__(env)
        if strtobool(self.env.get("CREATE_TABLE") or "yes"):
            self._store.create_tables(self.tables)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Rows need SQL: with events in memory they are kept in an in-memory SQLite database."""
        factory = super().construct_factory(env)
        if not isinstance(factory, POPOFactory):
            return factory
        name = f"file:{self.name}-{uuid4().hex}?mode=memory&cache=shared"
        return SQLiteFactory(Environment(self.name, {**env, f"{self.name.upper()}_SQLITE_DBNAME": name}))

    @property
    def _store(self) -> RowStore:
        return cast(RowStore, self.recorder)

    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        """The library's hook: react. A read model triggers no events, so it needs no cause."""
        self.reaction_to(type(domain_event))(self, domain_event, processing_event)

    def put(self, work: ProcessingEvent[UUID], table: Table, **values: Any) -> None:
        """Have columns of a row set, and the row made if it is not there yet, in the transaction
        that records the position."""
        self._changes(work).add(table, _stored(values), inserts=True)

    def change(self, work: ProcessingEvent[UUID], table: Table, **values: Any) -> None:
        """Have columns of a row set if it is there, in the transaction that records the position."""
        self._changes(work).add(table, _stored(values), inserts=False)

    def remove(self, work: ProcessingEvent[UUID], table: Table, **key: Any) -> None:
        """Have a row removed if it is there, in the transaction that records the position."""
        self._changes(work).remove(table, key)

    @staticmethod
    def _changes(work: ProcessingEvent[UUID]) -> Changes:
        changes: Changes = work.saved_kwargs.setdefault("changes", Changes())
        return changes

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows that a query gives."""
        return self._store.rows(statement, parameters)


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = _utc(value)
    return values


def _utc(time: datetime) -> str:
    """Times are stored as text that sorts as time does, in both databases."""
    return f"{time.isoformat(timespec='microseconds')[:26]}Z"  # our times are in UTC


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
