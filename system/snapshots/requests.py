"""The snapshots that are to be taken. Whoever asks for one never waits."""

import threading
from collections import OrderedDict
from uuid import UUID

MOST_REQUESTS = 1000

Request = tuple[str, UUID]
"""The application, and the stream."""


class Requests:
    """A bounded queue in which each stream stands once, for any number of threads."""

    def __init__(self, most: int = MOST_REQUESTS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Request, None] = OrderedDict()

    def put(self, request: Request) -> bool:
        """Ask for a snapshot; False when there are too many requests already."""
        with self._lock:
            if request not in self._waiting and len(self._waiting) >= self._most:
                return False
            self._waiting[request] = None
            return True

    def next(self) -> Request | None:
        """The one that waits longest, taken out; None when there is none."""
        with self._lock:
            return self._waiting.popitem(last=False)[0] if self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting)
