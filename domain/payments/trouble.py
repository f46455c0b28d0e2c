"""What goes wrong with a call to the payment provider, and how it is recorded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.shared.aggregates import Aggregate


@dataclass(frozen=True)
class Trouble:
    """What went wrong with a call: the error, since when it goes wrong, how many times it did, and when
    the next call is due (None: never again)."""

    error: str
    since: datetime
    times: int
    next_at: datetime | None

    def facts(self) -> dict[str, Any]:
        """As an event says it."""
        return {"error": self.error, "since": self.since, "times": self.times, "next_at": self.next_at}


class AttemptFailed(Aggregate.Event):
    """What every attempt without an outcome says, see `Trouble`."""

    class_version = 2
    order_id: UUID
    attempt: int
    error: str
    since: datetime
    times: int
    next_at: datetime

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Version 1 said neither since when, nor how often, nor when the next call was due."""
        state |= {"since": state["timestamp"], "times": 1, "next_at": state["timestamp"]}
