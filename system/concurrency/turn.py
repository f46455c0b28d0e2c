"""Taking turns: the followers of one process compute one after the other, first come, first served.

Python runs one thread at a time anyhow; several that compute at once only get in each other's way.
While a thread waits for the database it gives its turn up, so that another one computes meanwhile.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from . import pulse


class Turn:
    """A lock that is handed on in the order of asking, so nobody starves. Not reentrant."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False
        self._holder: pulse.Pulse | None = None

    def __enter__(self) -> None:
        self._take()
        _mine.turn = self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _mine.turn = None
        self._pass_on()

    def _take(self) -> None:
        mine = pulse.of_this_thread()
        gate = self._queue_up()
        if gate is not None and mine is not None:
            mine.stands_by(gate.acquire, self._still_for)
        elif gate is not None:
            gate.acquire()
        self._holder = mine

    def _queue_up(self) -> "threading.Lock | None":
        """What is to be waited for, if anything."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return None
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
            return gate

    def _still_for(self) -> float:
        holder = self._holder
        return holder.still_for() if holder is not None else 0.0

    def _pass_on(self) -> None:
        with self._mutex:
            self._holder = None
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


class _Mine(threading.local):
    turn: Turn | None = None


_mine = _Mine()


@contextmanager
def aside() -> Iterator[None]:
    """Let others have this thread's turn, if it has one, while it waits for an answer.

    It must not wait in here for what another thread does only in its turn.
    """
    turn, mine = _mine.turn, pulse.of_this_thread()
    if mine is not None:
        mine.asks()
    if turn is not None:
        _mine.turn = None
        turn._pass_on()
    try:
        yield
        if mine is not None:
            mine.beat()
    finally:
        if turn is not None:
            turn._take()
            _mine.turn = turn
