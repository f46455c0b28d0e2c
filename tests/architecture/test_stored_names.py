"""Names that are stored: they are given explicitly, and once given they stay."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from eventsourcing.domain import AggregateEvent, ProgrammingError

from domain.shared.aggregates import EVENT_TYPES, Aggregate
from system.definition import orderwright
from system.snapshots.tables import TABLES as TABLES_OF_SNAPSHOTS
from system.verification.kept import TABLES
from tests.history.samples import RINGS, recorded_event_types

EVENTS = recorded_event_types()

APPLICATIONS = {
    "Inventory",
    "OrderDashboard",
    "OrderFulfilment",
    "Orders",
    "PaymentCalls",
    "PaymentLedger",
    "Payments",
    "SagaLog",
    "StockLevels",
}
"""Prefixes of tables, keys of positions, prefixes of settings: renaming one orphans what is stored."""


SEALS = {
    "seal_ranges": {"log", "first", "last", "events", "holes", "root", "chain", "digests", "sealed_at"},
    "seal_cursors": {"log", "after"},
    "seal_runs": {"kind", "at", "found", "report"},
    "seal_resealings": {"at", "log", "made_by", "reason", "what"},
}
"""The tables of the seals: what is sealed is worth nothing once it cannot be found."""


SNAPSHOT_TABLES = {
    "orderwright_snapshots",
    "orderwright_snapshot_figures",
    "orderwright_snapshot_processes",
    "orderwright_snapshot_long_replays",
}
"""The tables of the snapshots. `orderwright_snapshots` has one a stream, by application and stream."""


def test_the_tables_of_the_snapshots_keep_their_names() -> None:
    assert {table.name for table in TABLES_OF_SNAPSHOTS} == SNAPSHOT_TABLES


def test_the_tables_of_the_seals_keep_their_names() -> None:
    assert {table.name: set(table.columns) for table in TABLES} == SEALS


def aggregates() -> list[type[Aggregate]]:
    """Every aggregate of the product."""
    return [kind for kind in Aggregate.__subclasses__() if kind.__module__.partition(".")[0] in RINGS]


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    """All classes below a class."""
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_applications_keep_their_stored_names() -> None:
    assert set(orderwright.nodes) == APPLICATIONS
    assert {orderwright.get_app_cls(name).name for name in orderwright.nodes} == APPLICATIONS


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_an_application_states_its_name_and_does_not_take_it_from_the_class(name: str) -> None:
    assert vars(orderwright.get_app_cls(name))["name"] == name


def test_every_aggregate_states_its_topic() -> None:
    topics = [vars(aggregate).get("TOPIC") for aggregate in aggregates()]

    assert len(topics) >= 5
    assert all(topics)
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_the_topic_of_an_event_is_that_of_its_aggregate_and_its_own_name(topic: str) -> None:
    event_class: Any = EVENTS[topic]

    # As no two topics are the same, this also means that none was merely inherited.
    assert topic == event_class.TOPIC
    owner, _, name = topic.partition(".")
    assert owner in {aggregate.TOPIC for aggregate in aggregates()}
    assert name == event_class.__name__


def test_every_event_that_can_be_recorded_is_known_by_its_topic() -> None:
    kinds = {kind for kind in subclasses(Aggregate.Event) if kind.__module__.partition(".")[0] in RINGS}
    bases = {kind for kind in kinds if kind.__subclasses__()}

    assert kinds - bases == set(EVENTS.values())
    assert {base.TOPIC for base in bases if hasattr(base, "TOPIC")} <= set(EVENTS)


def test_an_aggregate_without_topics_is_refused() -> None:
    with pytest.raises((ProgrammingError, AttributeError)):

        class Parcel(Aggregate):
            TOPIC = "Parcel"

            class Sent(Aggregate.Event):
                pass

    assert not [topic for topic in EVENT_TYPES if topic.startswith("Parcel")]


def test_events_are_frozen_and_hold_no_bare_dicts() -> None:
    for event_class in EVENTS.values():
        assert issubclass(event_class, AggregateEvent)
        assert event_class.__dataclass_params__.frozen  # type: ignore[attr-defined]  # of every dataclass
        fields = event_class.__dataclass_fields__.values()
        assert not [
            field.name for field in fields if re.search(r"\b(dict|list|float|Any)\b", str(field.type))
        ]
