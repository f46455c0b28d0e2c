"""Appends of several threads that come together go together: one round trip for all of them.

Nobody waits for company. Who finds nobody sending sends at once; who comes meanwhile is taken along
by whoever sends next. When the whole does not fit in, because one of them meets a conflict, each is
sent by itself, so that only that one fails.
"""

import threading
from collections.abc import Callable, Sequence

from eventsourcing.persistence import IntegrityError, StoredEvent

from system.runner.turn import aside

MOST_EVENTS = 500
"""So many events go together; one append alone may have more."""


class _Ticket:
    """An append on its way: done when it has positions or an error."""

    __slots__ = ("error", "events", "gate", "positions")

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        self.events = events
        self.positions: Sequence[int] | None = None
        self.error: BaseException | None = None
        self.gate = threading.Lock()
        self.gate.acquire()

    @property
    def is_done(self) -> bool:
        return self.positions is not None or self.error is not None

    def result(self) -> Sequence[int]:
        if self.positions is None:
            assert self.error is not None
            raise self.error
        return self.positions


class Appends:
    """Sends appends, one group at a time, through `send`, which stores all of its events or none."""

    def __init__(self, send: Callable[[Sequence[StoredEvent]], Sequence[int]]) -> None:
        self._send = send
        self._mutex = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._is_sending = False

    def append(self, events: Sequence[StoredEvent]) -> Sequence[int]:
        """Store events, all or none; their positions. Raises what `send` raises for them alone."""
        mine = _Ticket(events)
        with self._mutex:
            self._waiting.append(mine)
            must_wait, self._is_sending = self._is_sending, True
        if must_wait:
            with aside():
                mine.gate.acquire()
            if mine.is_done:
                return mine.result()
        group = self._next_group()
        try:
            self._send_group(group)
        finally:
            self._hand_on()
            for ticket in group:
                if not ticket.is_done:  # this thread is being stopped by something that is no error
                    ticket.error = IntegrityError("the append was given up half-way")
                ticket.gate.release()
        return mine.result()

    def _next_group(self) -> list[_Ticket]:
        with self._mutex:
            events = 0
            for size, ticket in enumerate(self._waiting):
                events += len(ticket.events)
                if size and events > MOST_EVENTS:
                    break
            else:
                size = len(self._waiting)
            group, self._waiting = self._waiting[:size], self._waiting[size:]
            return group

    def _send_group(self, group: Sequence[_Ticket]) -> None:
        try:
            positions = self._send([event for ticket in group for event in ticket.events])
        except IntegrityError as error:
            if len(group) == 1:
                group[0].error = error
                return
            for ticket in group:
                self._send_group([ticket])
        except Exception as error:
            for ticket in group:
                ticket.error = error
        else:
            first = 0
            for ticket in group:
                ticket.positions = positions[first : first + len(ticket.events)]
                first += len(ticket.events)

    def _hand_on(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting[0].gate.release()
            else:
                self._is_sending = False
