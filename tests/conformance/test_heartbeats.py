"""Heartbeats and counts in every store."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from system.persistence.counting import Found, Part
from system.persistence.heartbeats import Beat

BEAT = Beat("SagaLog", "OrderFulfilment", "till:7", 12, 3.5, 60.0, 100, 340, "after a fall")


def test_the_last_beat_for_each_leader_is_kept_and_its_number_only_rises(recorder: Any) -> None:
    assert recorder.heartbeats() == []
    assert recorder.beat([BEAT, replace(BEAT, leader="Payments", handled=0)])
    elsewhere = replace(BEAT, process="counter:8", handled=0, per_second=None, head=None, fault=None)
    assert recorder.beat([elsewhere])

    kept = {one.leader: one for one in recorder.heartbeats()}
    told = {leader: {name: getattr(one, name) for name in vars(BEAT)} for leader, one in kept.items()}
    assert told == {
        "OrderFulfilment": vars(elsewhere),
        "Payments": vars(replace(BEAT, leader="Payments", handled=0)),
    }
    assert {leader: one.sequence for leader, one in kept.items()} == {"OrderFulfilment": 2, "Payments": 1}
    assert all(one.age_seconds >= 0 for one in kept.values())
    assert kept["Payments"].age_seconds >= kept["OrderFulfilment"].age_seconds


@pytest.fixture
def log(recorder: Any) -> Any:
    """A log with eight events, at positions from 1: tea, milk, tea, milk ..."""
    stream = uuid4()
    for version in range(1, 9):
        topic = "Tea.Poured" if version % 2 else "Milk.Poured"
        recorder.insert_events([StoredEvent(stream, version, topic, b"{}")])
    return recorder


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (Part(0, frozenset()), Found(8, 1)),
        (Part(8, frozenset()), Found(0, None)),
        (Part(99, frozenset()), Found(0, None)),
        (Part(0, frozenset({"Tea.Poured"})), Found(4, 2)),
        (Part(1, frozenset({"Milk.Poured", "Sugar.Added"})), Found(3, 3)),
        (Part(7, frozenset({"Milk.Poured"})), Found(0, None)),
        (Part(0, frozenset({"Milk.Poured", "Tea.Poured"})), Found(0, None)),
        (Part(1, frozenset({"Milk.Poured"}), last=5), Found(2, 3)),
        (Part(0, frozenset(), most=3), Found(3, 1)),
        (Part(0, frozenset({"Tea.Poured"}), most=3), Found(3, 2)),
    ],
)
def test_events_are_counted_after_a_position_and_by_topic(log: Any, part: Part, found: Found) -> None:
    assert log.count_log(part) == found


def test_in_an_empty_log_there_is_nothing(recorder: Any) -> None:
    assert recorder.count_log(Part(0, frozenset({"Tea.Poured"}))) == Found(0, None)
