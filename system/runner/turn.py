"""Taking turns: the threads of one process work one after the other, first come, first served.

Python runs one thread at a time anyhow, and every call to the database lets another one in. With
eight followers at work each would then wait for all others after each statement; taking turns by
the page made the whole a good half faster. It costs nothing where there is only one thread.
"""

import threading
from collections import deque
from types import TracebackType


class Turn:
    """A lock that is handed on in the order of asking, so nobody starves. Not reentrant."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    def __enter__(self) -> None:
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        gate.acquire()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
