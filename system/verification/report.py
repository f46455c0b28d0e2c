"""What a verification has found, and what each verdict means."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

NAMED = 1000
"""So many findings are listed; the others are counted."""


class Verdict(StrEnum):
    """What is wrong."""

    EVENT_MISSING = "event_missing"
    EVENT_ADDED = "event_added"
    EVENT_ALTERED = "event_altered"
    EVENTS_SWAPPED = "events_swapped"
    EVENT_MISPLACED = "event_misplaced"
    EVENT_UNREADABLE = "event_unreadable"
    BEGINS_WRONG = "begins_wrong"
    METADATA_DIFFERS = "metadata_differs"
    LOG_OLDER = "log_older"
    SEALS_ALTERED = "seals_altered"
    SNAPSHOT_DIFFERS = "snapshot_differs"
    SNAPSHOT_AHEAD = "snapshot_ahead"
    POSITION_MISSING = "position_missing"
    POSITION_AHEAD = "position_ahead"
    POSITION_BEHIND = "position_behind"
    ROW_DIFFERS = "row_differs"
    ROW_MISSING = "row_missing"
    ROW_LEFT_OVER = "row_left_over"


PROCEDURE = "docs/procedures/verify-the-store.md"
_RESTORE = f"restore the row from a backup: {PROCEDURE}"
_REPAIR = f"see where it comes from, then `orderwright projections repair`: {PROCEDURE}"
_POSITION = f"let it be read again: {PROCEDURE}"

ADVICE: Mapping[Verdict, str] = {
    Verdict.EVENT_MISSING: _RESTORE,
    Verdict.EVENT_ADDED: f"find out who wrote it, and remove it: {PROCEDURE}",
    Verdict.EVENT_ALTERED: _RESTORE,
    Verdict.EVENTS_SWAPPED: f"restore both rows from a backup: {PROCEDURE}",
    Verdict.EVENT_MISPLACED: _RESTORE,
    Verdict.EVENT_UNREADABLE: _RESTORE,
    Verdict.BEGINS_WRONG: f"restore the first rows of the stream from a backup: {PROCEDURE}",
    Verdict.METADATA_DIFFERS: f"have the columns written anew: {PROCEDURE}",
    Verdict.LOG_OLDER: "see whether you have the right copy: docs/procedures/log-disagrees.md",
    Verdict.SEALS_ALTERED: "restore the seals from their backup, or `orderwright store reseal`",
    Verdict.SNAPSHOT_DIFFERS: "drop it, it is taken anew: `orderwright snapshots drop`",
    Verdict.SNAPSHOT_AHEAD: "drop it, it is taken anew: `orderwright snapshots drop`",
    Verdict.POSITION_MISSING: _POSITION,
    Verdict.POSITION_AHEAD: _POSITION,
    Verdict.POSITION_BEHIND: "nothing: what is read again changes nothing",
    Verdict.ROW_DIFFERS: _REPAIR,
    Verdict.ROW_MISSING: _REPAIR,
    Verdict.ROW_LEFT_OVER: _REPAIR,
}
"""What to do now."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where: as far as it is known the position in the log of the application
    (the last one of several in a row), the stream and version, the follower, the order or product, and the
    table."""

    verdict: Verdict
    application: str
    what: str
    position: int | None = None
    last_position: int | None = None
    stream_id: str | None = None
    version: int | None = None
    follower: str | None = None
    key: str | None = None
    table: str | None = None
    place: str = ""
    advice: str = ""

    def told(self) -> "Finding":
        """The same, with the place in words and what to do now."""
        return replace(self, place=self._in_words(), advice=ADVICE[self.verdict])

    def _in_words(self) -> str:
        parts = []
        if self.position is not None:
            several = f"-{self.last_position}" if self.last_position not in (None, self.position) else ""
            parts.append(f"position {self.position}{several}")
        if self.stream_id is not None:
            parts.append(f"stream {self.stream_id} version {self.version}")
        if self.follower is not None:
            parts.append(f"follower {self.follower}")
        if self.table is not None:
            parts.append(f"table {self.table}, {self.key}")
        return ", ".join(parts)


@dataclass(frozen=True)
class LogVerified:
    """What was looked at of one log. `sealed_to` is the position up to which it is sealed now, `chain` the
    value of its last seal, which stands for everything before. `read` is how many rows were read in full,
    `new` how many of them were sealed for the first time. `holes` are positions without an event,
    `holes_unknown` those of them that no seal knew before, and of which nobody can tell why."""

    log: str
    head: int
    sealed_to: int
    chain: str
    ranges: int
    ranges_read: int
    read: int
    new: int
    holes: int
    holes_unknown: int


@dataclass(frozen=True)
class VerificationReport:
    """What was verified and what was found. `at` is when it began; `is_full` says that every row was read,
    and the rows of every order and product were derived anew."""

    is_clean: bool
    is_full: bool
    at: str
    seconds: float
    logs: tuple[LogVerified, ...]
    compared: Mapping[str, int]
    """How many orders or products were compared, by read model."""
    skipped: Mapping[str, int]
    """How many could not be compared as they kept changing, or wait in a parking lot."""
    snapshots: int
    found: int
    by_verdict: Mapping[str, int]
    findings: tuple[Finding, ...]


@dataclass
class Findings:
    """Findings as they come in."""

    listed: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        """Take one in."""
        self.counts[finding.verdict.value] += 1
        if len(self.listed) < NAMED:
            self.listed.append(finding.told())

    @property
    def found(self) -> int:
        """How many there are."""
        return self.counts.total()
