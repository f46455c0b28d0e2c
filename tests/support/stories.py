"""The grammar of the stories: given what has happened, when one act, then these facts or a refusal."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from domain.shared.aggregates import Aggregate
from domain.shared.causes import Cause

A = TypeVar("A", bound=Aggregate)

FRIDAY_NOON = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)
ORDER_ID = UUID("7d3b2c14-9e55-4a0e-8a61-f0b8a3a1c0de")

ADA_ASKS = Cause.command(time=FRIDAY_NOON, correlation_id=ORDER_ID, command_id="ada-1", user="ada")
"""The cause that is in force in every story that does not name another one."""


def given(aggregate: A) -> A:
    """What happened to the aggregate so far is the past: only what comes now is a fact of the story."""
    aggregate.collect_events()
    return aggregate


def new_events(aggregate: Aggregate) -> list[Any]:
    """The events since `given`, oldest first; from here on they are the past as well."""
    return list(aggregate.collect_events())


def facts(aggregate: Aggregate) -> list[str]:
    """The names of the events since `given`, oldest first."""
    return names(new_events(aggregate))


def names(events: Iterable[object]) -> list[str]:
    """The events by the names they have inside their aggregate."""
    return [type(event).__name__ for event in events]


def replayed(events: Iterable[Any]) -> Any:
    """The aggregate as it is rebuilt from its events alone."""
    aggregate = None
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def state(aggregate: Any) -> dict[str, Any]:
    """Everything an aggregate remembers, without what is not saved yet."""
    return {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}
