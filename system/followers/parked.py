"""What waits in a parking lot, and what can become of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.shared.errors import Contradiction, NotFound

LONGEST_ERROR = 1000
KEPT_RESULTS = 1000
"""So many sequences that commands dealt with are remembered: a command that is sent again is known by it."""


def error_text(error: Exception) -> str:
    """An error as it is kept and shown: its kind and what it says, without what no store can take."""
    text = f"{type(error).__name__}: {error}".encode(errors="replace").decode()
    return text.replace("\x00", "?")[:LONGEST_ERROR]


class CaseNotFound(NotFound):
    """Nothing waits under this name; perhaps it did, and was dealt with."""

    code = "case_not_found"


class EarlierEventWaits(Contradiction):
    """An earlier event of the same sequence waits as well, and it goes first."""

    code = "earlier_event_waits"


@dataclass(frozen=True)
class Pointer:
    """Where a parked event is, never a copy of it: it is decoded anew when it is retried.

    `sequence` is what its later events are held back by: the conversation it belongs to, or its
    stream when not even that could be read.
    """

    sequence: str
    leader: str
    position: int
    topic: str
    stream_id: UUID
    stream_version: int

    @property
    def place(self) -> tuple[str, int]:
        """The log, and the position in it: no other event has it."""
        return self.leader, self.position

    def facts(self) -> dict[str, Any]:
        """What every fact about the event says."""
        return {name: getattr(self, name) for name in Pointer.__dataclass_fields__}


@dataclass(frozen=True)
class ParkedEvent(Pointer):
    """An event that waits in the lot.

    `error` is what went wrong the last time, None for one that is held back and was never tried;
    `attempts` counts all of them. `first_at` is when it was put aside, `last_at` when it was tried last.
    """

    error: str | None
    attempts: int
    first_at: datetime
    last_at: datetime


class Result(StrEnum):
    """What a command did to a parked event."""

    RETRIED = "retried"
    FAILED = "failed"
    DISCARDED = "discarded"


@dataclass(frozen=True)
class EventResult:
    """What a command did to one event: `error` says why a retry failed."""

    event: Pointer
    result: Result
    error: str | None = None


@dataclass
class RecentResults:
    """What the latest commands did, each to a sequence."""

    of_sequence: dict[tuple[str, str], list[EventResult]] = field(default_factory=dict)
    of_event: dict[tuple[str, tuple[str, int]], str] = field(default_factory=dict)
    """The sequence of each event that a command dealt with."""

    def add(self, command_id: str | None, outcome: EventResult) -> None:
        """One more; the oldest are forgotten."""
        if command_id is None:
            return
        self.of_sequence.setdefault((command_id, outcome.event.sequence), []).append(outcome)
        self.of_event[command_id, outcome.event.place] = outcome.event.sequence
        while len(self.of_sequence) > KEPT_RESULTS:
            oldest = next(iter(self.of_sequence))
            for forgotten in self.of_sequence.pop(oldest):
                self.of_event.pop((oldest[0], forgotten.event.place), None)

    def find(self, command_id: str, place: tuple[str, int]) -> tuple[EventResult, ...]:
        """What a command did to the sequence of an event; nothing, if it did nothing to that one."""
        sequence = self.of_event.get((command_id, place))
        return () if sequence is None else tuple(self.of_sequence[command_id, sequence])
