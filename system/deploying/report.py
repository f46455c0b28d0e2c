"""What a check before a deployment reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_DIFFERENCES = 1000
"""So many are named; all are counted."""

MAX_EXAMPLES = 20
"""So many orders are named whose decisions could not be replayed for one reason."""


class Why(StrEnum):
    """Why a decision cannot be made once more."""

    UNREADABLE = "an event of the order cannot be read"
    NO_CAUSE = "what caused it is not in the store"
    REALIGNED = "a log was realigned since, and has lost what it was decided from"
    BY_HAND = "it was told by a command which is known to its author only"


@dataclass(frozen=True)
class Decided:
    """An event that was recorded, or would be."""

    type: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A saga that would decide otherwise, and where: at a version of a stream, the first of those where it
    does. `because` is the event or command that it decided about. Where the code at hand fails instead of
    deciding, `error` says how."""

    order_id: str
    application: str
    stream_id: str
    version: int
    position: int | None
    recorded_at: datetime
    because: str
    recorded: tuple[Decided, ...]
    present: tuple[Decided, ...]
    error: str | None


@dataclass(frozen=True)
class NotReplayed:
    """Decisions that could not be made once more for one reason; the first orders of them."""

    why: Why
    decisions: int
    orders: tuple[str, ...]


@dataclass(frozen=True)
class DeployReport:
    """What the code at hand makes of the sagas of a store.

    `open` sagas are replayed all, of the `ended` ones the `sampled`. `differences_found` sagas would decide
    otherwise; the first of them are in `differences`.
    """

    is_same: bool
    seconds: float
    open: int
    ended: int
    sampled: int
    ways: int
    decisions: int
    differences_found: int
    differences: tuple[Difference, ...]
    not_replayed: tuple[NotReplayed, ...]
