"""Whether each stored event is the one that belongs at its place in its stream."""

from array import array
from typing import Any
from uuid import UUID

from application.unreadable import UnreadableEvent
from domain.shared.ids import is_event_id


def misplaced(stored: Any, event: Any, application: str) -> UnreadableEvent | None:
    """What is wrong when an event stands at another place than the one that it was recorded for.

    The id of an event is derived from its stream and version, in every release so far, so rows whose
    contents were exchanged or moved give themselves away.
    """
    if is_event_id(event.event_id, stored.originator_id, stored.originator_version):
        return None
    return UnreadableEvent.of(stored, "does not belong there: its id is that of another place", application)


class Places:
    """Looks at the events of one log in order, and remembers no more than a number a stream."""

    def __init__(self, application: str) -> None:
        self._application = application
        self._versions = array("L")  # of the one stream that an order has in this log, by the order's row
        self._others: dict[int, int] = {}  # of every other stream

    def check(self, entry: Any, row: int | None) -> UnreadableEvent | None:
        """What is wrong with the next event of a log, or None: it can be read, it is the one that belongs
        there, and follows on the one before it in its stream. `row` is that of its order, if it has one."""
        version = entry.originator_version
        before = self._before(entry.originator_id, version, row)
        try:
            event = entry.event
        except UnreadableEvent as error:
            return error
        if version != before + 1:
            return UnreadableEvent.after_a_gap(entry, before, self._application)
        return misplaced(entry, event, self._application)

    def _before(self, stream_id: UUID, version: int, row: int | None) -> int:
        """The version of the stream so far; it is this one from now on."""
        if row is None:
            before = self._others.get(stream_id.int, 0)
            self._others[stream_id.int] = version
            return before
        if row >= len(self._versions):
            self._versions.extend([0] * max(1000, row + 1 - len(self._versions)))
        before = self._versions[row]
        self._versions[row] = version
        return before
