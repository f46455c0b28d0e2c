"""Whether somebody decided about each kind of event: one that nobody thought of is an error at start."""

from collections.abc import Collection, Iterator

from domain.shared.aggregates import Aggregate


class UndecidedEvent(LookupError):
    """A kind of event that a part of the system has to know about, and does not."""


def topics_of(aggregate: type[Aggregate]) -> Iterator[str]:
    """The topics of an aggregate's events."""
    for member in vars(aggregate).values():
        if isinstance(member, type) and hasattr(member, "TOPIC"):
            yield member.TOPIC


def check_decided(aggregate: type[Aggregate], decided: Collection[str], by: str) -> None:
    """Raise `UndecidedEvent` for an event of an aggregate that is not among those decided about."""
    missing = sorted(topic for topic in topics_of(aggregate) if topic not in decided)
    if missing:
        raise UndecidedEvent(f"{by} does not know what to make of {', '.join(missing)}")
