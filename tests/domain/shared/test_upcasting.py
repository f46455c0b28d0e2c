"""A kind of event has one pure upcast for each step up to its present version, or nothing starts."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from eventsourcing.domain import AggregateCreated

from domain.shared import upcasting
from domain.shared.aggregates import EVENT_TYPES, Aggregate
from domain.shared.upcasting import BrokenUpcasts, check_upcasts

Upcast = Callable[..., None]


def leaves_it(state: Any, /) -> None:
    """An upcast that changes nothing."""


def reads_the_clock(state: dict[str, Any]) -> None:
    """An upcast that gives something else each time."""
    state["at"] = datetime.now(UTC)


def asks_a_module(state: dict[str, Any]) -> None:
    """An upcast that looks at more than the state."""
    state["at"] = upcasting.__doc__


def takes_two(state: dict[str, Any], more: object) -> None:
    """An upcast that has to be given more than the state."""


def an_event(version: object, upcasts: Mapping[str, object]) -> type[Any]:
    """A kind of event in a version, with these upcasts."""
    return type("Lit", (), {"class_version": version, **upcasts})


def steps(*names: str) -> dict[str, object]:
    """Upcasts of these names."""
    return {name: staticmethod(leaves_it) for name in names}


def around() -> Upcast:
    """An upcast that knows a variable of where it was made."""
    brightness = 7

    def upcast(state: dict[str, Any]) -> None:
        state["brightness"] = brightness

    return upcast


@pytest.mark.parametrize("version", [1, 2, 3])
def test_one_upcast_for_each_step_is_a_chain(version: int) -> None:
    chain = [f"upcast_v{step}_v{step + 1}" for step in range(1, version)]
    check_upcasts("Lamp.Lit", an_event(version, steps(*chain)))


@pytest.mark.parametrize(
    ("version", "names", "told"),
    [
        (2, [], "Lamp.Lit is in version 2 and has no upcast_v1_v2: what was stored in version 1"),
        (3, ["upcast_v1_v2"], "Lamp.Lit is in version 3 and has no upcast_v2_v3"),
        (3, ["upcast_v2_v3"], "Lamp.Lit is in version 3 and has no upcast_v1_v2"),
        (2, ["upcast_v1_v2", "upcast_v2_v1"], "Lamp.Lit.upcast_v2_v1 leads back"),
        (2, ["upcast_v1_v2", "upcast_v2_v2"], "Lamp.Lit.upcast_v2_v2 leads back"),
        (3, ["upcast_v1_v2", "upcast_v1_v3"], "Lamp.Lit.upcast_v1_v3 is more than one step"),
        (2, ["upcast_v1_v2", "upcast_v2_v3"], "Lamp.Lit.upcast_v2_v3 leads beyond version 2"),
        (2, ["upcast_v1_v2", "upcast_1_2"], "Lamp.Lit.upcast_1_2 is not called like a step"),
        (0, [], "Lamp.Lit has class_version 0"),
        ("2", [], "Lamp.Lit has class_version '2'"),
    ],
)
def test_what_is_no_chain_is_told_with_the_event_and_the_step(
    version: object, names: list[str], told: str
) -> None:
    with pytest.raises(BrokenUpcasts) as error:
        check_upcasts("Lamp.Lit", an_event(version, steps(*names)))
    assert str(error.value).startswith(told)


@pytest.mark.parametrize(
    ("upcast", "told"),
    [
        (leaves_it, "is not a static method"),
        (classmethod(leaves_it), "is not a static method"),
        (staticmethod(takes_two), "takes something else than one state"),
        (staticmethod(lambda *states: None), "takes something else than one state"),
        (staticmethod(reads_the_clock), "uses now"),
        (staticmethod(asks_a_module), "uses upcasting"),
        (staticmethod(around()), "depends on what is around it"),
    ],
)
def test_an_upcast_that_could_look_at_more_than_the_state_is_refused(upcast: object, told: str) -> None:
    with pytest.raises(BrokenUpcasts) as error:
        check_upcasts("Lamp.Lit", an_event(2, {"upcast_v1_v2": upcast}))
    assert f"Lamp.Lit.upcast_v1_v2 {told}" in str(error.value)


def test_an_event_may_begin_below_the_version_of_its_base() -> None:
    base = an_event(2, steps("upcast_v1_v2"))
    check_upcasts("Lamp.Lit", type("Lit", (base,), {"class_version": 1}))


def test_an_aggregate_with_a_broken_chain_cannot_be_made() -> None:
    with pytest.raises(BrokenUpcasts, match=r"Lantern\.Hung is in version 2 and has no upcast_v1_v2"):

        class Lantern(Aggregate):
            """Hangs outside."""

            TOPIC = "Lantern"

            class Hung(Aggregate.Event, AggregateCreated):
                """It hangs."""

                TOPIC = "Lantern.Hung"
                class_version = 2

    assert "Lantern.Hung" not in EVENT_TYPES


def test_every_kind_of_event_there_is_has_its_chain() -> None:
    for topic, event_class in EVENT_TYPES.items():
        check_upcasts(topic, event_class)
