"""An event is recorded with all of its facts, and each kind has a memory that takes some of them."""

from typing import Any

import pytest
from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import EVENT_TYPES, Aggregate, Undecided
from domain.shared.ids import derive
from tests.support.stories import new_events, replayed, state


class Lamp(Aggregate):
    """Is on or off."""

    TOPIC = "Lamp"

    class Hung(Aggregate.Event, AggregateCreated):
        """It hangs."""

        TOPIC = "Lamp.Hung"

    class Lit(Aggregate.Event):
        """It is on."""

        TOPIC = "Lamp.Lit"
        by: str
        brightness: int

    def __init__(self) -> None:
        self.brightness = 0

    @event(Lit)
    def _lit(self, brightness: int) -> None:
        self.brightness = brightness


def hung() -> Lamp:
    """A lamp."""
    return Lamp.begin(Lamp.Hung, derive("lamp", "kitchen"))


def test_a_memory_takes_only_what_it_remembers() -> None:
    lamp = hung()

    lamp.trigger_event(Lamp.Lit, by="ada", brightness=3)

    assert lamp.brightness == 3
    before = state(lamp)
    recorded = new_events(lamp)
    assert (recorded[-1].by, recorded[-1].brightness) == ("ada", 3)
    assert state(replayed(recorded)) == before


@pytest.mark.parametrize(
    "facts",
    [
        {"by": "ada"},
        {"by": "ada", "brightnes": 3},
        {"by": "ada", "brightness": 3, "colour": "red"},
    ],
)
def test_what_an_event_does_not_say_cannot_be_recorded_and_nothing_may_be_left_out(
    facts: dict[str, Any],
) -> None:
    lamp = hung()

    with pytest.raises(TypeError, match="Lit"):
        lamp.trigger_event(Lamp.Lit, **facts)

    assert lamp.version == 1


def test_an_event_without_a_memory_is_told_when_its_aggregate_is_defined() -> None:
    with pytest.raises(Undecided, match=r"Fan\.Started has no memory"):

        class Fan(Aggregate):
            TOPIC = "Fan"

            class Started(Aggregate.Event):
                TOPIC = "Fan.Started"

    assert "Fan.Started" not in EVENT_TYPES


def test_a_memory_that_takes_what_its_event_does_not_say_is_told_as_well() -> None:
    with pytest.raises(Undecided, match=r"Radio\.Tuned does not say frequenzy"):

        class Radio(Aggregate):
            TOPIC = "Radio"

            class Tuned(Aggregate.Event):
                TOPIC = "Radio.Tuned"
                frequency: int

            @event(Tuned)
            def _tuned(self, frequenzy: int) -> None:
                self.frequency = frequenzy

    assert "Radio.Tuned" not in EVENT_TYPES
