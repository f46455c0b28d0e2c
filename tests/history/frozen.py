"""The frozen payloads: one file for every kind of event and every version of it that was ever written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsourcing.persistence import JSONTranscoder, StoredEvent

from application.base import Application
from application.mapping import SafeMapper

from .samples import STREAM, version_of

FOLDER = Path(__file__).parent / "payloads"
TOPICS = Path(__file__).parent / "TOPICS.txt"

HOW_TO_CHANGE_AN_EVENT = (
    "bump class_version, write an upcast, freeze the new version (python -m tests.history.freeze); "
    "never edit a frozen file"
)


@dataclass(frozen=True)
class Frozen:
    """An event as a store holds it. `state` is exactly the stored JSON."""

    topic: str
    class_version: int
    originator_version: int
    state: dict[str, Any]

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return FOLDER / f"{self.topic}.v{self.class_version}.json"

    @property
    def text(self) -> str:
        """The file's content."""
        return json.dumps(vars(self), indent=2) + "\n"

    @property
    def stored_event(self) -> StoredEvent:
        """As a recorder gives it."""
        state = json.dumps(self.state, separators=(",", ":")).encode()
        return StoredEvent(STREAM, self.originator_version, self.topic, state)


def mapper() -> SafeMapper:
    """The mapper that every application uses."""
    found = Application({"PERSISTENCE_MODULE": "eventsourcing.popo"}).mapper
    if not isinstance(found, SafeMapper) or not isinstance(found.transcoder, JSONTranscoder):
        raise TypeError(f"applications store events by {found}")
    return found


def freeze(event: Any) -> Frozen:
    """The event as it would be stored today."""
    stored = mapper().to_stored_event(event)
    return Frozen(stored.topic, version_of(type(event)), stored.originator_version, json.loads(stored.state))


def all_frozen() -> Iterator[Frozen]:
    """Everything that is frozen, by name."""
    for path in sorted(FOLDER.glob("*.json")):
        yield Frozen(**json.loads(path.read_text()))


def listed_topics() -> list[str]:
    """The manifest's topics, in the order in which they were added."""
    return TOPICS.read_text().split() if TOPICS.exists() else []
