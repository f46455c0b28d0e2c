"""How often a snapshot is taken of which kind of aggregate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVERY = 100
"""So many events, unless it is set otherwise."""


@dataclass(frozen=True)
class Policy:
    """A snapshot every so many events; of some kinds of aggregates, by their topics, every so many others.
    0 is none."""

    every: int = EVERY
    every_of: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_on(self) -> bool:
        """Whether any are taken."""
        return bool(self.every or any(self.every_of.values()))

    @property
    def least(self) -> int:
        """How often of the kind of which they are taken most often."""
        return min((each for each in (self.every, *self.every_of.values()) if each), default=EVERY)

    def of(self, topic: str) -> int:
        """How often of this kind of aggregate."""
        return self.every_of.get(topic, self.every)

    def is_due_at(self, event: Any) -> bool:
        """Whether a snapshot is to be taken now that an event was recorded."""
        topic: str = event.TOPIC
        every = self.of(topic[: topic.find(".")]) if self.every_of else self.every
        return every > 0 and not event.originator_version % every
