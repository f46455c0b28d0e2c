"""Who may wait here, and who may work long: never so many threads that none is left for the others.

Half of the threads may wait for something: for a read model, for an audit, or for their turn with a
reading that looks through much of the store. Of those readings one is done at a time. Whoever finds no
place to wait is told at once to come again.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import current_app

from web.errors import Busy

WAITING = "waiting"

TURN_WITHIN_SECONDS = 5.0


class Waiting:
    """The places to wait of one process, and its one turn. Safe to use from many threads."""

    def __init__(self, threads: int) -> None:
        self._places = threading.BoundedSemaphore(max(1, threads // 2))
        self._turn = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """A place to wait. False when all are taken."""
        has_place = self._places.acquire(blocking=False)
        try:
            yield has_place
        finally:
            if has_place:
                self._places.release()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The turn to look through much of the store. Raises `Busy` when it does not come in time."""
        if not self._turn.acquire(blocking=False):
            with self.place() as has_place:
                if not has_place or not self._turn.acquire(timeout=TURN_WITHIN_SECONDS):
                    raise Busy
        try:
            yield
        finally:
            self._turn.release()


def waiting() -> Waiting:
    """The places of this process."""
    return cast(Waiting, current_app.extensions[WAITING])
