"""Appends of several threads that come together go together: one round trip for all of them.

Nobody waits for company. Who finds nobody sending sends at once; who comes meanwhile is taken along
by whoever sends next. When the whole does not fit in, because one of them meets a conflict, each is
sent by itself, so that only that one fails.

Nobody waits for ever either. A sender that is not answered is overtaken: the next sends over another
connection. Where several are not answered, whoever still waits is told that nothing of it was sent.
What was sent is never sent a second time: what became of it is unknown until its sender knows.
"""

import threading
import time
from collections.abc import Callable, Sequence

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from system.concurrency.turn import aside

MOST_EVENTS = 500
"""So many events go together; one append alone may have more."""

OVERTAKEN_AFTER_SECONDS = 2.5
"""So long a sender has the way for itself. It is longer than anybody waits for a lock."""

MOST_OVERTAKEN = 2
"""So many senders may be without an answer while another one tries."""

PATIENCE_SECONDS = 10.0
"""What was not sent for so long is not sent any more."""

TAKEN_ALONG_FOR_SECONDS = 15.0
"""Whoever sends is answered or gives up within less; what was taken along waits no longer than this."""


class _Ticket:
    """An append on its way: done when it has positions or an error."""

    __slots__ = ("error", "events", "gate", "is_rung", "is_sending", "positions", "since")

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        self.events = events
        self.positions: Sequence[int] | None = None
        self.error: BaseException | None = None
        self.is_sending = False
        self.since = time.monotonic()
        """Since when it has the way, or waits for it."""
        self.is_rung = False
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
        self._mutex = threading.Lock()  # all below is changed by who holds it
        self._waiting: list[_Ticket] = []
        self._sender: _Ticket | None = None
        self._overtaken: set[_Ticket] = set()

    def append(self, events: Sequence[StoredEvent]) -> Sequence[int]:
        """Store events, all or none; their positions. Raises what `send` raises for them alone, and
        `OperationalError` when those before them are not answered."""
        mine = _Ticket(events)
        with self._mutex:
            self._waiting.append(mine)
            group = self._take_the_way(mine) if self._sender is None else None
        if group is None:
            with aside():
                group = self._wait(mine)
        if group is not None:
            self._lead(mine, group)
        return mine.result()

    def _take_the_way(self, mine: _Ticket) -> list[_Ticket]:
        """Become the sender; what to send."""
        self._sender, mine.is_sending, mine.since = mine, True, time.monotonic()
        if self._waiting[0] is not mine:
            self._waiting.remove(mine)
            self._waiting.insert(0, mine)
        events = 0
        for size, ticket in enumerate(self._waiting):
            events += len(ticket.events)
            if size and events > MOST_EVENTS:
                break
        else:
            size = len(self._waiting)
        group, self._waiting = self._waiting[:size], self._waiting[size:]
        return group

    def _wait(self, mine: _Ticket) -> list[_Ticket] | None:
        """Until it is done, or its turn to send: then what to send."""
        began, limit = mine.since, OVERTAKEN_AFTER_SECONDS
        while True:
            rung = mine.gate.acquire(timeout=limit)
            with self._mutex:
                if rung:
                    mine.is_rung = False
                if mine.is_done:
                    return None
                if mine not in self._waiting:  # it was taken along, and is rung when that has an end
                    if limit == TAKEN_ALONG_FOR_SECONDS:
                        mine.error = OperationalError("the append was not answered, its outcome is unknown")
                        return None
                    limit = TAKEN_ALONG_FOR_SECONDS
                elif self._sender is mine or self._overtakes(mine, began):
                    return self._take_the_way(mine)

    def _overtakes(self, mine: _Ticket, began: float) -> bool:
        """Whether to send although somebody else has the way, as that one has had its time. Raises
        `OperationalError` when it is not to be sent at all."""
        now, sender = time.monotonic(), self._sender
        is_stuck = sender is not None and now - sender.since >= OVERTAKEN_AFTER_SECONDS
        if is_stuck and len(self._overtaken) < MOST_OVERTAKEN:
            if sender is not None and sender.is_sending:
                self._overtaken.add(sender)
            return True
        if is_stuck or now - began >= PATIENCE_SECONDS:
            self._waiting.remove(mine)
            raise OperationalError("earlier appends are not answered; of this one nothing was sent")
        return False

    def _lead(self, mine: _Ticket, group: Sequence[_Ticket]) -> None:
        try:
            self._send_group(group)
        finally:
            with self._mutex:
                self._hand_on(mine)
                for ticket in group:
                    if not ticket.is_done:  # this thread is being stopped by something that is no error
                        ticket.error = OperationalError("the append was given up, its outcome is unknown")
                    if ticket is not mine:
                        self._ring(ticket)

    def _hand_on(self, mine: _Ticket) -> None:
        self._overtaken.discard(mine)
        if self._sender is not mine:  # it was overtaken: another one has the way
            return
        self._sender = self._waiting[0] if self._waiting else None
        if self._sender is not None:
            self._sender.since = time.monotonic()
            self._ring(self._sender)

    def _ring(self, ticket: _Ticket) -> None:
        if not ticket.is_rung:
            ticket.is_rung = True
            ticket.gate.release()

    def _send_group(self, group: Sequence[_Ticket]) -> None:
        try:
            positions = self._send([event for ticket in group for event in ticket.events])
        except IntegrityError as error:
            if len(group) == 1:
                group[0].error = error
                return
            self._send_each(group)
        except Exception as error:
            for ticket in group:
                ticket.error = error
        else:
            first = 0
            for ticket in group:
                ticket.positions = positions[first : first + len(ticket.events)]
                first += len(ticket.events)

    def _send_each(self, group: Sequence[_Ticket]) -> None:
        """By itself, each; those after one that the store has not taken for another reason than a conflict
        are not sent any more, else every one of them might wait as long again."""
        for number, ticket in enumerate(group):
            self._send_group([ticket])
            if isinstance(ticket.error, OperationalError):
                for later in group[number + 1 :]:
                    later.error = OperationalError(f"nothing was sent: {ticket.error}")
                return
