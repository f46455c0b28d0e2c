"""How long anybody waits for an answer of PostgreSQL: never for ever.

The server's own limits are not enough. It switches them off while it commits, so a commit that waits
for a standby or a disk may take for ever; a frozen server keeps no limits; and a reply that the network
has lost never comes. So whoever asks gives up as well, and closes the connection. It does not cancel
what it asked for: a cancelled wait for a standby is reported as success.

What became of a statement that was not answered is unknown. Nothing is sent a second time by itself.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import wraps
from typing import Any, ClassVar, ParamSpec, TypeVar

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError

from system.concurrency.turn import aside

from .sessions import SettledConnection

ANSWER_WITHIN_SECONDS = 10.0
"""What is answered so late is taken for unanswered."""

AIR_SECONDS = 3.0
"""So much longer than the server's own limit is a long statement waited for: its answer should come first."""

P = ParamSpec("P")
R = TypeVar("R")


class Unanswered(psycopg.OperationalError):
    """The database has not answered in time; what became of the statement is unknown."""


class Pace(IntEnum):
    """How long a statement may take."""

    QUICK = 0
    SLOW = 1
    """As long as the server's own limit allows."""
    ENDLESS = 2


class _Mine(threading.local):
    pace = Pace.QUICK


_mine = _Mine()


@contextmanager
def at_pace(pace: Pace) -> Iterator[None]:
    """Let the statements of this thread take longer, meanwhile."""
    before, _mine.pace = _mine.pace, pace
    try:
        yield
    finally:
        _mine.pace = before


class PoliteConnection(SettledConnection):
    """A connection that lets others have this thread's turn while it waits for the server, and that
    does not wait for ever: then it is closed, and `Unanswered` raised."""

    within: ClassVar[tuple[float | None, float | None, float | None]] = (
        ANSWER_WITHIN_SECONDS,
        ANSWER_WITHIN_SECONDS,
        None,
    )
    """How many seconds, by `Pace`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made_at = time.monotonic()
        self._warnings: list[str | None] = []
        self.add_notice_handler(self._heed)

    @staticmethod
    def on_silence() -> None:
        """What is called when an answer did not come."""

    def _heed(self, notice: psycopg.errors.Diagnostic) -> None:
        """The server warns, and reports success, when somebody there cut short the wait for a standby."""
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """See `psycopg.Connection`."""
        if timeout is not None:  # it is waited for news, not for an answer
            with aside():
                return super().wait(gen, interval, timeout)
        self._warnings.clear()
        answer = self._answer(gen, interval)
        if self._warnings:
            self.close()
            raise Unanswered(f"the database warned, the outcome is unknown: {self._warnings[0]}")
        return answer

    def _answer(self, gen: Any, interval: float) -> Any:
        limit = self.within[_mine.pace]
        began = time.monotonic()
        with aside():
            try:
                return super().wait(gen, interval, limit)
            except psycopg.OperationalError as error:
                if limit is None or time.monotonic() - began < limit:
                    raise
                self.close()
                self.on_silence()
                raise Unanswered(
                    f"no answer from the database within {limit:g} seconds, the outcome is unknown"
                ) from error


def connection_class(statement_timeout: int, on_silence: Callable[[], object]) -> type[PoliteConnection]:
    """The class of the connections of a pool. `statement_timeout` is the server's limit, in seconds; with
    0 a slow statement may take for ever. `on_silence` is called when an answer did not come."""
    quick = PoliteConnection.within[Pace.QUICK]
    slow = statement_timeout + AIR_SECONDS if statement_timeout else None
    attributes = {"within": (quick, slow, None), "on_silence": staticmethod(on_silence)}
    return type("PoliteConnection", (PoliteConnection,), attributes)


_IS_AN_ANSWER = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, Unanswered)


def once_more(method: Callable[P, R]) -> Callable[P, R]:
    """For reading: a connection that the database had closed meanwhile is replaced, and asked again.

    Where somebody has waited in vain already, for a lock or for an answer, nobody waits again.
    """

    @wraps(method)
    def twice(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (InterfaceError, OperationalError) as error:
            if isinstance(error.__cause__, _IS_AN_ANSWER):
                raise
        return method(*args, **kwargs)

    return twice
