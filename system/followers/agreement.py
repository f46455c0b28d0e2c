"""Does a log still have what its followers have read? Checked at every start, and whenever somebody asks.

While followers run they see it by themselves, at every page: see `log` and `subscription`.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from enum import Enum, auto

import structlog

from system.persistence.agreement import Disagreement

from .follower import Follower
from .marks import Mark

log = structlog.get_logger()


class Standing(Enum):
    """How a follower stands to a log."""

    PROVEN = auto()
    """The log has the very event that was read last, or nothing was read yet."""
    PLAUSIBLE = auto()
    """The log has an event at that position; which one was read is not known."""
    WRONG = auto()
    """The log has no event there, or another one."""


def look(
    applications: Mapping[str, Follower],
    edges: Collection[tuple[str, str]],
    clock: Callable[[], datetime],
) -> list[Disagreement]:
    """Every follower that does not agree with a log it reads; `edges` are leaders and their followers.

    What is found is noted beside the log, which then takes no more events. A log that has again what
    all have read, because the right one is back in its place, is open again. A position of which
    only the number is known proves nothing, so what was noted about it stands until `realign`.
    Raises faults of the store.
    """
    found: list[Disagreement] = []
    for name in sorted({leader for leader, _ in edges}):
        leader = applications[name]
        store = leader.recorder
        noted = {one.follower: one for one in store.disagreements()}
        wrong: list[Disagreement] = []
        for follower in (follower for each, follower in edges if each == name):
            position, mark, standing = standing_of(leader, applications[follower])
            if standing is Standing.WRONG or (follower in noted and standing is Standing.PLAUSIBLE):
                wrong.append(noted.get(follower) or disagreement(leader, follower, position, mark, clock))
        for one in wrong:
            if one.follower not in noted:
                note(leader, one)
                log.warning("a log lacks events that a follower has read of it", **vars(one))
        if noted and not wrong:
            store.lift_disagreements()
            log.warning("a log has the events again that were read of it, and takes new ones", log=name)
        found += wrong
    return found


def standing_of(leader: Follower, follower: Follower) -> tuple[int, Mark | None, Standing]:
    """The position of a follower in a log, the mark of the event there, and how it stands; of a read
    model that of the version in use, unless another one is wrong."""
    found = [_standing_at(leader, follower, key) for key in follower.keys_of(leader.name)]
    return next((one for one in found if one[2] is Standing.WRONG), found[0])


def _standing_at(leader: Follower, follower: Follower, key: str) -> tuple[int, Mark | None, Standing]:
    # The position is read first: an event that was there to be read does not go away.
    position, text = follower.recorder.checkpoint(key)
    if position == 0:
        return 0, None, Standing.PROVEN
    mark = Mark.read(text, position)
    at = leader.recorder.select_notifications(start=position, limit=1, stop=position)
    if not at or (mark is not None and not mark.is_at(Mark.of(position, at[0], leader.mapper))):
        return position, mark, Standing.WRONG
    return position, mark, Standing.PLAUSIBLE if mark is None else Standing.PROVEN


def disagreement(
    leader: Follower, follower: str, position: int, mark: Mark | None, clock: Callable[[], datetime]
) -> Disagreement:
    """That a follower at this position does not agree with a log, found now."""
    head = leader.recorder.max_notification_id() or 0
    known = str(mark) if mark is not None else None
    found_at = clock().isoformat(timespec="microseconds")
    return Disagreement(follower, leader.name, position, head, known, found_at)


def note(leader: Follower, found: Disagreement) -> None:
    """Keep it beside the log, which takes no events from then on."""
    leader.recorder.note_disagreement(found)


def is_noted(leader: Follower, follower: str) -> bool:
    """Whether it was noted, and stands, that this follower does not agree with a log."""
    return any(one.follower == follower for one in leader.recorder.disagreements())
