"""The heartbeats of followers: rows in a follower's own store, by which anybody sees that its loop turns.

A heartbeat is written beside the pages, never in the transaction of one, and it may get lost: whoever
would have to wait for somebody leaves it out. How old it is, is told by the clock of the database, which
also said when it was written; so the clocks of two machines need not agree.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .tables import Table


@dataclass(frozen=True)
class Beat:
    """What a loop tells of one of the logs that it reads.

    `handled` are the events of that log which it has handled since it began. It handled `per_second` of them
    over the last `measured_seconds`; None as long as that is too short to tell. While it is behind, `head`
    is where the log ended just now and `head_before` where it ended when these seconds began; else both are
    None. `fault` says why it pauses.
    """

    follower: str
    leader: str
    process: str
    handled: int
    per_second: float | None
    measured_seconds: float
    head_before: int | None
    head: int | None
    fault: str | None


@dataclass(frozen=True)
class Heartbeat(Beat):
    """The last beat that was kept of a follower and a leader: how many there were before it, in whichever
    process, and how many seconds ago it was, as the database counts them."""

    sequence: int
    age_seconds: float


class HeartbeatStore(ABC):
    """What the store of a follower knows of heartbeats."""

    @abstractmethod
    def beat(self, beats: Sequence[Beat]) -> bool:
        """Keep the beats of a follower; False when it would have had to wait, and did not.

        It is as good as never durable. Raises what the store raises when it cannot be written.
        """

    @abstractmethod
    def heartbeats(self) -> list[Heartbeat]:
        """The last beat for each leader; none where none was ever kept."""


def heartbeat_table(prefix: str) -> Table:
    """The table of the heartbeats, whose name begins so."""
    columns = {
        "follower": "TEXT",
        "leader": "TEXT",
        "process": "TEXT NOT NULL",
        "sequence": "BIGINT NOT NULL",
        "handled": "BIGINT NOT NULL",
        "per_second": "DOUBLE PRECISION",
        "measured_seconds": "DOUBLE PRECISION NOT NULL",
        "head_before": "BIGINT",
        "head": "BIGINT",
        "fault": "TEXT",
        "beaten_at": "DOUBLE PRECISION NOT NULL",
    }
    return Table(f"{prefix}heartbeats", columns=columns, key=("follower", "leader"))


_TOLD = tuple(Beat.__dataclass_fields__)


def beat_statement(table: Table, beats: Sequence[Beat]) -> tuple[str, dict[str, Any]]:
    """The one statement that keeps these beats, with its parameters."""
    rows = ", ".join(
        f"({', '.join(f':{name}_{number}' for name in _TOLD)}, 1, seconds_now())"
        for number in range(len(beats))
    )
    news = ", ".join(f"{name} = excluded.{name}" for name in (*_TOLD, "beaten_at") if name not in table.key)
    statement = (
        f"INSERT INTO @{table.name} ({', '.join(_TOLD)}, sequence, beaten_at) VALUES {rows} "
        f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET sequence = {table.name}.sequence + 1, {news}"
    )
    values = {
        f"{name}_{number}": value for number, beat in enumerate(beats) for name, value in vars(beat).items()
    }
    return statement, values


def select_statement(table: Table) -> str:
    """The query for all of them."""
    told = ", ".join(_TOLD)
    return f"SELECT {told}, sequence, seconds_now() - beaten_at AS age_seconds FROM @{table.name}"


def heartbeat_of(row: Mapping[str, Any]) -> Heartbeat:
    """A row of that query. A clock that was put back makes no heartbeat younger than just now."""
    return Heartbeat(**{**row, "age_seconds": max(row["age_seconds"], 0.0)})
