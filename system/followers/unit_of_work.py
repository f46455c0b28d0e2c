"""What the reactions to one page of events came to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eventsourcing.persistence import Tracking

from domain.shared.aggregates import Aggregate
from system.persistence.tables import Changes, Table

from .identity_map import IdentityMap


@dataclass(eq=False, slots=True)
class UnitOfWork:
    """New events, changes of rows and a position: recorded in one transaction, or not at all.

    Without a position none is moved: what was parked is processed later, in no order. With an identity
    map later reactions of the page find the aggregates as they are after the earlier ones.
    """

    events: list[Any] = field(default_factory=list)
    rows: Changes = field(default_factory=Changes)
    position: Tracking | None = None
    identity_map: IdentityMap | None = None

    def __bool__(self) -> bool:
        """Whether there is more to be recorded than the position."""
        return bool(self.events or self.rows)

    def collect_events(self, *aggregates: Aggregate | None) -> None:
        """Have the new events of aggregates appended."""
        for aggregate in aggregates:
            if aggregate is not None and aggregate.pending_events:
                self.events.extend(aggregate.collect_events())
                if self.identity_map is not None:
                    self.identity_map.add(aggregate)

    def put(self, table: Table, **values: Any) -> None:
        """Have columns of a row set, and the row made if it is not there yet."""
        self.rows.add(table, _stored(values), inserts=True)

    def change(self, table: Table, **values: Any) -> None:
        """Have columns of a row set if it is there."""
        self.rows.add(table, _stored(values), inserts=False)

    def remove(self, table: Table, **key: Any) -> None:
        """Have a row removed if it is there."""
        self.rows.remove(table, key)


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = _utc(value)
    return values


def _utc(time: datetime) -> str:
    """Times are stored as text that sorts as time does, in both databases."""
    return f"{time.isoformat(timespec='microseconds')[:26]}Z"  # our times are in UTC
