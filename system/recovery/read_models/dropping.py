"""Drops a version of a read model: its tables and its positions."""

from dataclasses import dataclass

from application.base import CommandContext
from domain.shared.errors import Contradiction
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.operations.read_models import find_read_model, find_version


class VersionInUse(Contradiction):
    """The version is served, or this release reads it."""

    code = "version_in_use"


@dataclass(frozen=True)
class DropReport:
    """Which version was dropped, and the tables that went with it."""

    name: str
    version: int
    tables: tuple[str, ...]


def drop(orderwright: Orderwright, name: str, number: int, context: CommandContext) -> DropReport:
    """Drop a version. Whoever is building it stops.

    Raises `UnknownReadModel`, `UnknownVersion`, `VersionInUse`, and faults of the store.
    """
    projection = find_read_model(orderwright, name)
    find_version(projection, number)
    _, served = projection.versions.registry.all()
    if number == served:
        raise VersionInUse(f"version {number} of {projection.name} is served: switch to another one first")
    if number == projection.versions.ask():
        raise VersionInUse(
            f"version {number} of {projection.name} is the one that this release reads beside another: "
            "drop it with the release whose version is served"
        )
    leaders = sorted(definition.follows[projection.name])
    tables = tuple(table.name for table in projection.versions.tables_of(number))
    projection.versions.drop(number, leaders, context.time.isoformat(), context.user or "")
    return DropReport(projection.name, number, tables)
