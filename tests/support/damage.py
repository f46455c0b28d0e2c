"""Damage done to stored rows, past everything that would refuse it, on every store."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from system.bootstrap import Orderwright
from system.persistence.memory import InMemoryRecorder
from system.persistence.postgres.recorder import TunedRecorder
from system.persistence.sqlite.recorder import SqliteRecorder


@dataclass(frozen=True)
class Row:
    """A row as it is stored."""

    stream: UUID
    version: int
    topic: str
    state: bytes


def row_at(orderwright: Orderwright, application: str, stream: UUID, version: int) -> Row:
    """The row of an event."""
    recorder: Any = orderwright.applications[application].recorder
    (found,) = recorder.select_stream(stream, version, version)
    return Row(stream, version, found.topic, bytes(found.state))


def rewrite(orderwright: Orderwright, application: str, old: Row, new: Row) -> None:
    """Have a row say something else, at the same position. (What a tuned table says about it besides
    stays as it was.)"""
    recorder: Any = orderwright.applications[application].recorder
    if isinstance(recorder, InMemoryRecorder):
        position = recorder._stored_events_index[str(old.stream)].pop(old.version)
        recorder._stored_events[position] = StoredEvent(new.stream, new.version, new.topic, new.state)
        index = recorder._stored_events_index[str(new.stream)]
        index[new.version] = position
        recorder._stored_events_index[str(new.stream)] = dict(sorted(index.items()))
        return
    _execute(
        orderwright,
        application,
        "SET originator_id = {0}, originator_version = {0}, topic = {0}, state = {0} "
        "WHERE originator_id = {0} AND originator_version = {0}",
        (new.stream, new.version, new.topic, new.state, old.stream, old.version),
    )


def change(
    orderwright: Orderwright, application: str, stream: UUID, version: int, **changes: Any
) -> Callable[[], None]:
    """Change a row; what is given back repairs it. A `state` may be a function of what it was, and its
    new version is `to_version`."""
    old = row_at(orderwright, application, stream, version)
    if "to_version" in changes:
        changes["version"] = changes.pop("to_version")
    if callable(changes.get("state")):
        changes["state"] = changes["state"](old.state)
    new = replace(old, **changes)
    rewrite(orderwright, application, old, new)
    return lambda: rewrite(orderwright, application, new, old)


def truncated(state: bytes) -> bytes:
    """The first two thirds of it: a write that was torn."""
    return state[: len(state) * 2 // 3]


def delete(orderwright: Orderwright, application: str, stream: UUID, version: int) -> None:
    """Remove a row."""
    recorder: Any = orderwright.applications[application].recorder
    assert not isinstance(recorder, InMemoryRecorder), "positions in memory are places in a list"
    table = f"FROM {_table(orderwright, application)}"
    where = "WHERE originator_id = {0} AND originator_version = {0}"
    _run(orderwright, application, f"DELETE {table} {where}", (stream, version))


def set_columns(
    orderwright: Orderwright, application: str, stream: UUID, version: int, **columns: str
) -> None:
    """Have a tuned table say something else about a row than the row itself; other stores say nothing."""
    if isinstance(orderwright.applications[application].recorder, TunedRecorder):
        said = ", ".join(f"{name} = {{0}}" for name in columns)
        where = "WHERE originator_id = {0} AND originator_version = {0}"
        _execute(orderwright, application, f"SET {said} {where}", (*columns.values(), stream, version))


def spoil_row(projection: Any, table: str, order: UUID, **columns: str) -> None:
    """Have the row of an order in a read model hold something else."""
    recorder, said = projection.recorder, ", ".join(f"{name} = {{0}}" for name in columns)
    values = (*columns.values(), str(order))
    with recorder.datastore.transaction(commit=True) as cursor:
        if isinstance(recorder, SqliteRecorder):
            cursor.execute(f"UPDATE {table} SET {said} WHERE order_id = {{0}}".replace("{0}", "?"), values)
        else:
            statement = f"UPDATE {recorder.datastore.schema}.{table} SET {said} WHERE order_id = {{0}}"
            cursor.execute(statement.replace("{0}", "%s").encode(), values)


def _execute(orderwright: Orderwright, application: str, what: str, values: tuple[Any, ...]) -> None:
    _run(orderwright, application, f"UPDATE {_table(orderwright, application)} {what}", values)


def _table(orderwright: Orderwright, application: str) -> str:
    recorder: Any = orderwright.applications[application].recorder
    return str(recorder.events_table_name)


def _run(orderwright: Orderwright, application: str, statement: str, values: tuple[Any, ...]) -> None:
    recorder: Any = orderwright.applications[application].recorder
    if isinstance(recorder, SqliteRecorder):
        plain = [value.hex if isinstance(value, UUID) else value for value in values]
        with recorder.datastore.transaction(commit=True) as cursor:
            cursor.execute(statement.replace("{0}", "?"), plain)
    else:
        with recorder.datastore.transaction(commit=True) as cursor:
            cursor.execute(statement.replace("{0}", "%s").encode(), values)


def delete_position(orderwright: Orderwright, follower: str, leader: str) -> None:
    """Remove the row that says how far a follower has read a log."""
    _change_position(orderwright, follower, "DELETE FROM {table} WHERE application_name = {0}", (leader,))


def move_position(orderwright: Orderwright, follower: str, leader: str, position: int) -> None:
    """Have that row say something else."""
    what = "UPDATE {table} SET notification_id = {0} WHERE application_name = {0}"
    _change_position(orderwright, follower, what, (position, leader))


def _change_position(orderwright: Orderwright, follower: str, what: str, values: tuple[Any, ...]) -> None:
    recorder: Any = orderwright.applications[follower].recorder
    table = "tracking" if isinstance(recorder, SqliteRecorder) else recorder.tracking_table_name
    _run(orderwright, follower, what.replace("{table}", table), values)


def cut_off(orderwright: Orderwright, application: str, head: int) -> None:
    """Have a log end at a position, as an older copy of it does, sequence and all."""
    recorder: Any = orderwright.applications[application].recorder
    table = _table(orderwright, application)
    column = "rowid" if isinstance(recorder, SqliteRecorder) else "notification_id"
    _run(orderwright, application, f"DELETE FROM {table} WHERE {column} > {{0}}", (head,))
    if not isinstance(recorder, SqliteRecorder):
        sequence = f"pg_get_serial_sequence('{table}', 'notification_id')"
        _run(orderwright, application, f"SELECT setval({sequence}, {{0}})", (head,))
