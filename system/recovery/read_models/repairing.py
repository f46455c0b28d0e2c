"""Puts right the rows of one order, or product, in the version of a read model that is in use.

The rows are derived anew, by the present code, from the order's own events up to the recorded positions,
and take the place of what is stored, in one transaction that fails when a position has moved meanwhile.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import structlog

from application.base import CommandContext
from application.errors import ConcurrentChanges, NotFound
from application.views import to_json
from system.bootstrap import Orderwright
from system.followers.derived import Derivation, Row, Rows, derived_rows
from system.followers.projection import Projection
from system.followers.salvage import lot_of
from system.persistence.agreement import KeepsAgreement, inserted
from system.persistence.tables import Step, Table
from system.persistence.version_notes import RepairMade, VersionNotes
from system.persistence.versions import count_failures_of, forget_failures_step, key_at

MOST_TRIES = 20

log = structlog.get_logger()


class NothingKnown(NotFound):
    """There is neither an event nor a row of what was named."""

    code = "nothing_known"


@dataclass(frozen=True)
class RowRepair:
    """What becomes of a row: for each column that gets another value ``from`` and ``to``. A row that
    `is_new` was missing, one that `is_removed` should not be there."""

    table: str
    key: Mapping[str, Any]
    is_new: bool
    is_removed: bool
    columns: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Repair:
    """What is wrong with the rows of one order (or product), and whether it was put right.

    `positions` are those in the logs as of which the rows were derived; `failures` is how many events of it
    were noted that this version could not take in, and `parked` how many wait in the parking lot.
    """

    projection: str
    version: int
    about: str
    positions: Mapping[str, int]
    rows: tuple[RowRepair, ...]
    failures: int
    parked: int
    is_done: bool

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to be done."""
        return bool(self.rows or self.failures)


def preview_repair(orderwright: Orderwright, projection: Projection, key: str) -> Repair:
    """What `repair` would do. Changes nothing. Raises `NothingKnown`, and `Underivable` for an event that
    the present code cannot handle."""
    with Derivation(type(projection)) as derivation:
        return _look(orderwright, projection, derivation, key)[0]


def repair(
    orderwright: Orderwright, projection: Projection, key: str, context: CommandContext, reason: str
) -> Repair:
    """Do it, and forget the failures that were noted of this order in this version. Followers may run
    meanwhile. Raises what `preview_repair` raises."""
    with Derivation(type(projection)) as derivation:
        for _ in range(MOST_TRIES):
            found, rows = _look(orderwright, projection, derivation, key)
            if not found.is_needed:
                return found
            places = {key_at(name, found.version): position for name, position in found.positions.items()}
            steps = _steps(projection, found, rows, context, reason)
            if not cast(KeepsAgreement, projection.recorder).transact_at(places, steps):
                continue  # a follower was faster
            log.warning(
                "rows were put right", projection=projection.name, about=key, by=context.user, reason=reason
            )
            return replace(found, is_done=True)
    raise ConcurrentChanges(f"{projection.name} kept moving; nothing was changed, try again")


def _look(
    orderwright: Orderwright, projection: Projection, derivation: Derivation, key: str
) -> tuple[Repair, Rows]:
    store, version = projection.recorder, projection.versions.used
    leaders = {leader.name: leader for leader in orderwright.leaders_of(projection.name)}
    positions = {name: store.checkpoint(key_at(name, version))[0] for name in leaders}
    right = derived_rows(derivation, leaders, key, positions)
    present = _present(projection, version, key)
    streams = {str(stream_id) for stream_id in projection.subject.streams(key).values()}
    if not any(right.values()) and not any(present.values()):
        raise NothingKnown(
            f"{projection.name} has no row of the {projection.subject.noun} {key!r}, and no event"
        )
    lot = lot_of(projection)
    parked = [event for waiting in lot.parked.values() for event in waiting] if lot is not None else []
    found = Repair(
        projection=projection.name,
        version=version,
        about=key,
        positions=positions,
        rows=tuple(_repairs(projection, present, right)),
        failures=count_failures_of(cast(KeepsAgreement, store), version, streams),
        parked=sum(str(event.stream_id) in streams for event in parked),
        is_done=False,
    )
    return found, right


def _steps(
    projection: Projection, found: Repair, rows: Rows, context: CommandContext, reason: str
) -> list[Step]:
    store = cast(KeepsAgreement, projection.recorder)
    notes = VersionNotes(store)
    streams = [str(stream_id) for stream_id in projection.subject.streams(found.about).values()]
    steps: list[Step] = []
    for table in projection.tables:
        own = table.at(found.version)
        steps.append((f"DELETE FROM @{own.name} WHERE {table.key[0]} = :about", {"about": found.about}))
        steps += [(inserted(own), row) for row in rows[table.name]]
    made = RepairMade(
        number=notes.count_repairs() + 1,
        version=found.version,
        about=found.about,
        at=context.time.isoformat(timespec="microseconds"),
        made_by=context.user or "",
        reason=reason,
        what=json.dumps(to_json(found.rows)),
    )
    return [*steps, forget_failures_step(store, found.version, streams), notes.repair_step(made)]


def _present(projection: Projection, version: int, key: str) -> Rows:
    return {
        table.name: projection.recorder.rows(
            f"SELECT {', '.join(table.columns)} FROM @{table.at(version).name} "
            f"WHERE {projection.subject.column} = :key ORDER BY {', '.join(table.key)}",
            {"key": key},
        )
        for table in projection.tables
    }


def _repairs(projection: Projection, present: Rows, right: Rows) -> Iterator[RowRepair]:
    for table in projection.tables:
        old, new = (_by_key(table, rows[table.name]) for rows in (present, right))
        for key in old | new:
            before, after = old.get(key), new.get(key)
            columns = {
                name: {"from": (before or {}).get(name), "to": (after or {}).get(name)}
                for name in table.columns
                if name not in table.key and (before or {}).get(name) != (after or {}).get(name)
            }
            if columns or before is None or after is None:
                named = dict(zip(table.key, key, strict=True))
                yield RowRepair(table.name, named, before is None, after is None, columns)


def _by_key(table: Table, rows: list[Row]) -> dict[tuple[Any, ...], Row]:
    return {tuple(row[name] for name in table.key): row for row in rows}
