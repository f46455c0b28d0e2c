"""Followers and the log they read have to agree: what is kept of it, and what happens when they do not.

With a position is kept what stands there: its mark, see `system.followers.marks`. When the log does not
have that event any more (an older copy was put in its place, its end was lost), going on would pass
over events that nobody has read, or react to some twice. So it is noted beside the log, in its own
store, and while that stands the table of the events itself takes no more of them, whoever writes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import DataError, IntegrityError, OperationalError, Tracking

from .tables import Change, Step, Table

REFUSED = "the log and what followed it do not agree"
"""What a table of events says when it takes none; errors of the drivers are known by it."""

REFUSED_STATE = "55OW1"
"""The same as a code of PostgreSQL, of the class "not in the required state"."""


class LogDisagrees(OperationalError):
    """Followers have read events that a log does not have: it takes no events, and they read none of it."""


@dataclass(frozen=True)
class Checkpoint(Tracking):
    """A position with the mark of the event that stands there.

    It is recorded only where the mark that was kept before is still the one that the reading began
    from: nobody has moved the position meanwhile, neither forward nor back.
    """

    mark: str
    before: str | None


@dataclass(frozen=True)
class Disagreement:
    """A follower has read a log up to a position where the event that it read is not there any more.

    `head` is where the log ended when that was found. `mark` is what is known of the event that was
    read; None when only the position is known, which an early release recorded.
    """

    follower: str
    leader: str
    position: int
    head: int
    mark: str | None
    found_at: str

    @property
    def missing(self) -> int:
        """How many events the log is short of, at least; 0 when it has grown past the position."""
        return max(self.position - self.head, 0)

    @property
    def detail(self) -> str:
        """The same in words."""
        read = f"{self.follower} has read {self.leader} up to position {self.position}"
        if self.missing:
            return f"{read}, and that log ended at {self.head}: {self.missing} positions short"
        return f"{read}, where that log (which ended at {self.head}) has another event now, or none"


@dataclass(frozen=True)
class Realignment:
    """Somebody had the followers of a log read it anew. `what` says what was done, in words."""

    at: str
    made_by: str
    reason: str
    what: str


class AgreementStore(ABC):
    """What the store of an application knows of agreement, as a follower and as a leader."""

    @abstractmethod
    def checkpoint(self, leader: str) -> tuple[int, str | None]:
        """The position in a leader's log, 0 at its beginning, and the mark that was kept with it."""

    @abstractmethod
    def restart(self, leaders: Sequence[str], tables: Sequence[Table], nonce: str) -> None:
        """Set positions back to the beginning and empty tables, in one transaction. What a runner has
        in hand cannot be recorded any more: it began from another mark than `nonce`."""

    @abstractmethod
    def present_streams(self, stream_ids: Sequence[UUID]) -> set[UUID]:
        """Those of these streams, a few hundred at most, that have an event."""

    @abstractmethod
    def disagreements(self) -> list[Disagreement]:
        """Those that were noted and stand."""

    @abstractmethod
    def note_disagreement(self, found: Disagreement) -> None:
        """Keep one, unless one of that follower is kept already. From now on no event is appended."""

    @abstractmethod
    def lift_disagreements(self, realignment: Realignment | None = None) -> None:
        """Forget all, so that events are appended again; and keep why, if somebody did it."""

    @abstractmethod
    def realignments(self) -> list[Realignment]:
        """What was done so far, the latest first."""

    def next_position(self) -> int | None:
        """The position that the store would give the next event; None where it always comes after
        the last one."""
        return None

    def raise_sequence(self, head: int) -> None:  # noqa: B027 - with most stores it always is
        """Have the next position be after this one, if it is not."""


def agreement_tables(prefix: str) -> tuple[Table, Table]:
    """The tables of what was noted and of what was done, whose names begin so."""
    noted = {
        "follower": "TEXT",
        "leader": "TEXT NOT NULL",
        "position": "BIGINT NOT NULL",
        "head": "BIGINT NOT NULL",
        "mark": "TEXT",
        "found_at": "TEXT NOT NULL",
    }
    done = {"at": "TEXT", "made_by": "TEXT NOT NULL", "reason": "TEXT NOT NULL", "what": "TEXT NOT NULL"}
    return (
        Table(f"{prefix}disagreements", columns=noted, key=("follower",)),
        Table(f"{prefix}realignments", columns=done, key=("at",)),
    )


class AlwaysAgrees(AgreementStore):
    """The part of an `AgreementStore` that there is nothing to do about in memory."""

    def present_streams(self, stream_ids: Sequence[UUID]) -> set[UUID]:
        """See `AgreementStore`."""
        return set(stream_ids)

    def restart(self, leaders: Sequence[str], tables: Sequence[Table], nonce: str) -> None:
        """See `AgreementStore`."""

    def disagreements(self) -> list[Disagreement]:
        """See `AgreementStore`."""
        return []

    def note_disagreement(self, found: Disagreement) -> None:
        """See `AgreementStore`."""

    def lift_disagreements(self, realignment: Realignment | None = None) -> None:
        """See `AgreementStore`."""

    def realignments(self) -> list[Realignment]:
        """See `AgreementStore`."""
        return []


class KeepsAgreement(AgreementStore):
    """The part of an `AgreementStore` that every SQL store does alike."""

    def steps_to_make(self, table: Table, like: Table) -> list[Step]:  # noqa: ARG002 - PostgreSQL looks at it
        """The steps that make a table of rows without its indexes, for whoever may use another one."""
        return [(table.create_statement, {})]

    @property
    def agreement_prefix(self) -> str:
        """What the names of its tables begin with."""
        return ""

    @abstractmethod
    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `Store`."""

    @abstractmethod
    def create_tables(self, tables: Iterable[Table]) -> None:
        """See `Store`."""

    @abstractmethod
    def transact(self, steps: Sequence[Step], *, however_long: bool = False) -> None:
        """Take these steps in one transaction. One may take as long as other statements, or `however_long`
        it takes."""

    @abstractmethod
    def restart_steps(self, leaders: Sequence[str], nonce: str) -> list[Step]:
        """The steps that set these positions back to the beginning, see `restart`."""

    @property
    @abstractmethod
    def tracking(self) -> str:
        """The table of its positions."""

    def transact_at(self, positions: Mapping[str, int], steps: Sequence[Step]) -> bool:
        """Take these steps in one transaction if these are the positions that are recorded; they stay where
        they are until it ends. Returns whether they are, and the steps were taken."""
        try:
            self.transact([*self._unmoved(positions), *steps])
        except (IntegrityError, DataError):
            if all(self.checkpoint(leader)[0] == position for leader, position in positions.items()):
                raise
            return False
        return True

    def _unmoved(self, positions: Mapping[str, int]) -> list[Step]:
        """Steps that fail unless these are the positions that are recorded."""
        _, done = agreement_tables(self.agreement_prefix)
        of_leader = "WHERE application_name = :leader"
        keep = f"UPDATE @{self.tracking} SET notification_id = notification_id {of_leader}"
        # Elsewhere this would make a row that does not say who made it, which the table does not take.
        check = (
            f"INSERT INTO @{done.name} (at, made_by, reason, what) SELECT '', NULL, '', '' "
            f"WHERE :position <> coalesce((SELECT max(notification_id) FROM @{self.tracking} {of_leader}), 0)"
        )
        steps: list[Step] = []
        for leader, position in positions.items():
            steps += [(keep, {"leader": leader}), (check, {"leader": leader, "position": position})]
        return steps

    @abstractmethod
    def try_changes(self, tables: Iterable[Table], changes: Iterable[Change]) -> float:
        """Change rows of empty tables that only this call sees, and that are gone with it; how many seconds
        the changes took. Raises the library's `PersistenceError`."""

    @abstractmethod
    def bytes_of(self, table: Table) -> int | None:
        """How much room a table takes with its indexes; None where nobody tells."""

    def restart(self, leaders: Sequence[str], tables: Sequence[Table], nonce: str) -> None:
        """See `AgreementStore`."""
        empty: list[Step] = [(f"DELETE FROM @{table.name}", {}) for table in tables]
        self.transact([*empty, *self.restart_steps(leaders, nonce)])

    def disagreements(self) -> list[Disagreement]:
        """See `AgreementStore`."""
        noted, _ = agreement_tables(self.agreement_prefix)
        found = self.rows(f"SELECT {', '.join(noted.columns)} FROM @{noted.name} ORDER BY follower", {})
        return [Disagreement(**row) for row in found]

    def note_disagreement(self, found: Disagreement) -> None:
        """See `AgreementStore`."""
        noted, _ = agreement_tables(self.agreement_prefix)
        self.transact([(f"{inserted(noted)} ON CONFLICT (follower) DO NOTHING", vars(found))])

    def lift_disagreements(self, realignment: Realignment | None = None) -> None:
        """See `AgreementStore`."""
        noted, done = agreement_tables(self.agreement_prefix)
        steps: list[Step] = [(f"DELETE FROM @{noted.name}", {})]
        if realignment is not None:
            steps.append((inserted(done), vars(realignment)))
        self.transact(steps)

    def realignments(self) -> list[Realignment]:
        """See `AgreementStore`."""
        _, done = agreement_tables(self.agreement_prefix)
        found = self.rows(f"SELECT {', '.join(done.columns)} FROM @{done.name} ORDER BY at DESC", {})
        return [Realignment(**row) for row in found]


def inserted(table: Table) -> str:
    """The statement that makes a row, of which every column is a parameter of its name."""
    columns = list(table.columns)
    return f"INSERT INTO @{table.name} ({', '.join(columns)}) VALUES (:{', :'.join(columns)})"
