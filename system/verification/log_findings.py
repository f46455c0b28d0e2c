"""What is wrong with one log: one finding for one fault, also where it shows in several rows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from domain.shared.ids import event_id
from system.persistence.inspection import StoredRow

from .report import NAMED, Finding, Findings, Verdict
from .rows import Row
from .seals import Difference

TOLD_ONE_BY_ONE = 20
"""So many rows of a range are named one by one; of more it is told from where to where they are."""


class LogFindings:
    """Takes in what is wrong with the rows of a log, and tells it at the end."""

    def __init__(self, application: str, findings: Findings) -> None:
        self._application = application
        self._findings = findings
        self._listed: list[Finding] = []
        self._altered: dict[int, Finding] = {}
        self.faulty: list[tuple[int, int]] = []
        """From where to where single rows are wrong, in a log that is otherwise the right one."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._listed or self._altered)

    def add(self, verdict: Verdict, what: str, first: int | None, last: int | None = None) -> None:
        """Something about a position, or several in a row."""
        self.take(Finding(verdict, self._application, what, first, last))

    def take(self, finding: Finding) -> None:
        """Any finding about this log. Of very many the first are kept, and the others counted."""
        if finding.position is not None and finding.verdict is not Verdict.LOG_OLDER:
            self.faulty.append((finding.position, finding.last_position or finding.position))
        if len(self._listed) < NAMED:
            self._listed.append(finding)
        else:
            self._findings.counts[finding.verdict.value] += 1

    def add_gap(self, row: StoredRow) -> None:
        """The version before this row is not there."""
        version = row.originator_version - 1
        what = f"version {version} of its stream is missing; the next one is at position {row.position}"
        stream = str(row.originator_id)
        self.take(Finding(Verdict.EVENT_MISSING, self._application, what, None, None, stream, version))

    def add_altered(self, row: StoredRow, wrong: Finding | None) -> None:
        """A row is not the one that was sealed; `wrong` is what is wrong with it by itself."""
        what = f"the row is not the one that was sealed{f': {wrong.what}' if wrong is not None else ''}"
        if wrong is None or wrong.verdict is not Verdict.EVENT_MISPLACED:
            place = str(row.originator_id), row.originator_version
            wrong = Finding(Verdict.EVENT_ALTERED, self._application, what, row.position, None, *place)
        self._altered[row.position] = wrong

    def add_difference(self, difference: Difference, end: int | None) -> None:
        """How the rows of a range differ from what was sealed. `end` is where the sealed part ends, when
        that is in this range: another log, which goes on past it, differs up to there."""
        altered = sorted(self._altered)
        runs = list(in_a_row(altered))
        if end is not None and runs and runs[-1][1] == end and runs[-1][0] < end:
            first, last = runs.pop()
            if all(self._altered[one].verdict is Verdict.EVENT_ALTERED for one in range(first, last + 1)):
                what = (
                    f"from position {first} on, at the latest, this is not the log that was sealed: an older "
                    "copy was put in its place, and has grown since"
                )
                self.add(Verdict.LOG_OLDER, what, first, last)
                altered = [one for one in altered if one < first]
        self._tell_altered(altered)
        self._altered = {}
        for first, last in in_a_row(difference.missing):
            self.add(Verdict.EVENT_MISSING, "an event was sealed here, and there is none", first, last)
        for first, last in in_a_row(difference.added):
            self.add(Verdict.EVENT_ADDED, "no event was sealed here, and there is one", first, last)

    def _tell_altered(self, positions: list[int]) -> None:
        alone = len(positions) <= TOLD_ONE_BY_ONE
        for first, last in in_a_row(positions):
            if alone or first == last:
                for position in range(first, last + 1):
                    self.take(self._altered[position])
            else:
                what = f"{last - first + 1} rows are not those that were sealed"
                self.add(Verdict.EVENT_ALTERED, what, first, last)

    def tell(self, claimed: Mapping[str, Row]) -> None:
        """All that was found. `claimed` are rows that hold events of other places, by the ids of those."""
        for finding in _one_event_told_once(list(_swaps_told_once(self._listed, claimed))):
            self._findings.add(finding)


def in_a_row(positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and last of positions that follow on each other."""
    first = last = None
    for position in positions:
        if first is not None and last is not None and position == last + 1:
            last = position
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = position
    if first is not None and last is not None:
        yield first, last


def _swaps_told_once(findings: Iterable[Finding], claimed: Mapping[str, Row]) -> Iterator[Finding]:
    """Two rows each of which holds the event of the other are one finding."""
    holds = {_own_id(row): held for held, row in claimed.items()}
    for finding in findings:
        if finding.verdict is Verdict.EVENT_MISPLACED and finding.position is not None:
            own = event_id(UUID(finding.stream_id), finding.version or 0)
            other = claimed.get(own)
            if other is not None and holds.get(own) == _own_id(other):
                if finding.position < other.position:
                    what = (
                        f"it holds the event of position {other.position} (stream {other.stream_id} version "
                        f"{other.version}), and that row holds the event of this one: they were exchanged"
                    )
                    yield replace(finding, verdict=Verdict.EVENTS_SWAPPED, what=what)
                continue
        yield finding


def _own_id(row: Row) -> str:
    return event_id(row.stream_id, row.version)


def _one_event_told_once(findings: list[Finding]) -> Iterator[Finding]:
    """Where one position is empty and one version is missing, they are those of one event."""
    missing = [one for one in findings if one.verdict is Verdict.EVENT_MISSING]
    places = [one for one in missing if one.position is None]
    positions = [one for one in missing if one.position is not None]
    is_one = len(places) == len(positions) == 1 and positions[0].last_position == positions[0].position
    for finding in findings:
        if is_one and finding is positions[0]:
            what = f"{finding.what}; {places[0].what}"
            yield replace(finding, what=what, stream_id=places[0].stream_id, version=places[0].version)
        elif not (is_one and finding is places[0]):
            yield finding
