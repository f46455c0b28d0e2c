"""How often snapshots are taken: what is set for all aggregates, and for single kinds of them."""

from collections.abc import Iterator, Mapping

from domain.shared.aggregates import AGGREGATES
from system.followers.parking import ParkingLot
from system.snapshots.policy import Policy

PREFIX = "ORDERWRIGHT_SNAPSHOT_EVERY_"
"""Stands before the name of an aggregate in capitals."""

MOST = 1_000_000

NAMES: Mapping[str, str] = {
    topic.upper(): topic
    for topic, kind in sorted(AGGREGATES.items())
    if kind.__module__.startswith(("domain.", ParkingLot.__module__))
}
"""The aggregates, by their names in capitals."""


def snapshot_mistakes(environment: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with what is set for single aggregates, a line each."""
    for name in sorted(environment):
        if name.startswith(PREFIX):
            if name.removeprefix(PREFIX) not in NAMES:
                yield f"{name}: there is no such aggregate; there are {', '.join(NAMES)}"
            elif environment[name] and _number(environment[name]) is None:
                yield (
                    f"{name}: must be a whole number of events up to {MOST:,}, or 0 for no snapshots "
                    f"(got {environment[name]!r})"
                )


def policy_of(every: int, environment: Mapping[str, str]) -> Policy:
    """How often a snapshot is taken, with what is set for single aggregates."""
    given = {topic: _number(environment.get(PREFIX + name, "")) for name, topic in NAMES.items()}
    return Policy(every, {topic: number for topic, number in given.items() if number is not None})


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= MOST else None
