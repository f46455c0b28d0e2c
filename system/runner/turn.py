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
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        mine = pulse.of_this_thread()
        if mine is None:
            gate.acquire()
        else:
            mine.stands_by(gate.acquire)

    def _pass_on(self) -> None:
        with self._mutex:
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
