"""Positions of followers: not ahead of the log, at the event that their marks name, and not lost.

A position that is gone is told only where what the follower has made shows that it had one: else it has not
read anything yet. Nothing is noted anywhere: what closes a log is found by whoever opens it, see
`system.followers.agreement`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from system.definition import orderwright as definition
from system.followers.agreement import Standing, standing_of
from system.followers.derived import Derivation, Rows, derived_rows, stored_rows
from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.followers.marks import Mark
from system.followers.projection import Projection
from system.persistence.search import EventCriteria

from .log import LogCheck
from .report import Finding, Findings, Verdict

TRIES = 5
LOOKED_AT = 200
"""So many of the first events of a log are looked at for signs that it was read."""


@dataclass(frozen=True)
class Edge:
    """A follower and one of its leaders."""

    leader: Follower
    follower: Follower

    @property
    def key(self) -> str:
        """The name under which the position is kept; of a read model that of the version in use."""
        return self.follower.key_of(self.leader.name)


class PositionCheck:
    """Verifies every position, after the logs."""

    def __init__(
        self, applications: Mapping[str, Follower], logs: Mapping[str, LogCheck], findings: Findings
    ) -> None:
        self._applications = applications
        self._logs = logs
        self._findings = findings
        self.wrong: set[str] = set()
        """Followers of whose positions one is wrong."""

    def run(self) -> None:
        """Verify all."""
        for leader, follower in definition.edges:
            edge = Edge(self._applications[leader], self._applications[follower])
            found = self._look(edge)
            if found is not None:
                self.wrong.add(follower)
                self._findings.add(found)

    def _look(self, edge: Edge) -> Finding | None:
        if edge.follower.recorder.max_tracking_id(edge.key) is None:
            return self._of_none(edge)
        position, text = edge.follower.recorder.checkpoint(edge.key)
        marked = _position_in(text)
        if position and marked is not None and marked != position:
            return self._moved(edge, position, marked)
        if standing_of(edge.leader, edge.follower)[2] is not Standing.WRONG:
            return None
        name, log = edge.follower.name, edge.leader.name
        if self._logs[log].is_faulty(position):  # which is told already
            return None
        head = edge.leader.recorder.max_notification_id() or 0
        if marked is None and position > max(head, self._logs[log].known_to):
            what = f"{name} has position {position} in the log of {log}, which ends at {head}"
            return self._finding(edge, Verdict.POSITION_AHEAD, what, position)
        where = f"which ends at {head}" if head < position else "where it has another event now, or none"
        what = f"{name} has read the log of {log} up to position {position}, {where}: it is an older copy"
        return self._finding(edge, Verdict.LOG_OLDER, what, min(head + 1, position), position)

    def _moved(self, edge: Edge, position: int, marked: int) -> Finding:
        what = (
            f"{edge.follower.name} has position {position} in the log of {edge.leader.name}, and the mark of "
            f"the event at position {marked}: somebody moved it"
        )
        if position > marked:
            what += f", so events {marked + 1} to {position} were not read"
            return self._finding(edge, Verdict.POSITION_AHEAD, what, marked + 1, position)
        return self._finding(edge, Verdict.POSITION_BEHIND, what, position)

    def _of_none(self, edge: Edge) -> Finding | None:
        _, text = edge.follower.recorder.checkpoint(edge.key)
        if _position_in(text) is None and not self._has_read(edge):
            return None
        name, log = edge.follower.name, edge.leader.name
        if edge.follower.recorder.max_tracking_id(edge.key) is not None:
            return None  # it has just begun: what was seen came together with its first position
        what = f"{name} has no position in the log of {log}, and what it keeps says that it has read of it"
        return self._finding(edge, Verdict.POSITION_MISSING, what)

    def _has_read(self, edge: Edge) -> bool:
        """Whether what the follower keeps shows that it has read of this log."""
        for entry in _first_handled(edge):
            if isinstance(edge.follower, Projection):
                return self._shows(edge, edge.follower, entry)
            if _led_to_events(edge.follower, entry):
                return True
        return False

    def _shows(self, edge: Edge, projection: Projection, entry: Entry) -> bool:
        """Whether the rows say what this event says: the rows without the events of this leader would be
        others, and the stored ones are not those."""
        key = projection.subject.of(edge.leader.name, entry)
        if key is None:
            return False
        others = {
            name: self._applications[name]
            for name in definition.follows[projection.name]
            if name != edge.leader.name
        }
        with Derivation(type(projection)) as derivation:
            for _ in range(TRIES):
                positions = _positions(projection, others)
                stored = stored_rows(projection, key)
                without: Rows = derived_rows(derivation, others, key, positions)
                if positions == _positions(projection, others):
                    return any(stored.values()) and stored != without
        return False

    def _finding(
        self, edge: Edge, verdict: Verdict, what: str, first: int | None = None, last: int | None = None
    ) -> Finding:
        return Finding(verdict, edge.leader.name, what, first, last, follower=edge.follower.name)


def _positions(projection: Projection, leaders: Iterable[str]) -> dict[str, int]:
    return {name: projection.position_in(name) for name in leaders}


def _position_in(text: str | None) -> int | None:
    """The position that a mark names; None where it is none of an event."""
    place = (text or "").split(" ")[0]
    mark = Mark.read(text, int(place)) if place.isdigit() else None
    return mark.position if mark is not None else None


def _first_handled(edge: Edge) -> list[Entry]:
    rows = edge.leader.recorder.select_log(0, LOOKED_AT)
    return [Entry(row, edge.leader.mapper) for row in rows if row[2] in edge.follower.handled_topics]


def _led_to_events(follower: Follower, entry: Entry) -> bool:
    """Whether the follower has recorded an event because of this one."""
    try:
        cause = entry.event
    except Exception:  # what cannot be read led to nothing
        return False
    search = follower.recorder.search(follower.mapper)
    found = search.find(EventCriteria(correlation_id=cause.correlation_id), 0, LOOKED_AT)
    for one in found:
        try:
            if follower.mapper.to_domain_event(one).causation_id == cause.event_id:  # type: ignore[attr-defined]
                return True
        except Exception:
            continue
    return False
