"""What stands in the row of a stored event, read without decoding it, and what is looked for in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent


@dataclass(frozen=True)
class EventCriteria:
    """Which events: all criteria that are given have to hold. `types` are topics, one of which it
    is; `since` is included, `until` is not."""

    types: tuple[str, ...] = ()
    correlation_id: str | None = None
    user: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def look_inside(self) -> bool:
        """Whether an event's metadata has to be looked at."""
        return replace(self, types=()) != EventCriteria()


@dataclass(frozen=True)
class Facts:
    """What stands in the JSON of a row, as far as it can be read."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """The text under a name."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    @property
    def correlation_id(self) -> str | None:
        """The conversation."""
        return self.text("correlation_id")

    @property
    def user(self) -> str | None:
        """Who did it."""
        return self.text("user")

    @property
    def recorded_at(self) -> datetime | None:
        """When, in UTC."""
        try:
            time = datetime.fromisoformat(self.values["timestamp"]["_data_"])
            return time.astimezone(UTC) if time.tzinfo is not None else None
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def match(self, criteria: EventCriteria) -> bool:
        """Whether the metadata is what is looked for; what cannot be read is not."""
        time = self.recorded_at
        return (
            criteria.correlation_id in (None, self.correlation_id)
            and criteria.user in (None, self.user)
            and (criteria.since is None or (time is not None and time >= criteria.since))
            and (criteria.until is None or (time is not None and time < criteria.until))
        )


def facts_of(stored_event: StoredEvent, mapper: Mapper[UUID]) -> Facts:
    """What a row says about its event. Raises nothing: what cannot be read is left out."""
    try:
        state = bytes(stored_event.state)
        if mapper.cipher is not None:
            state = mapper.cipher.decrypt(state)
        if mapper.compressor is not None:
            state = mapper.compressor.decompress(state)
        values = json.loads(state)
    except Exception:  # whatever a cipher, a compressor or a decoder says about damaged data
        return Facts({})
    return Facts(values) if isinstance(values, dict) else Facts({})
