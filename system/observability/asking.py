"""Asking something that may never answer, without ever waiting long for it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True)
class Told(Generic[T]):
    """The last answer there was: to a question of the moment `asked_at`, given at `told_at`."""

    answer: T
    asked_at: float
    told_at: float


@dataclass(frozen=True)
class Known(Generic[T]):
    """What is known now: the last answer, if there was any, and since when the present question has
    been waiting for its own, if it is still waiting."""

    last: Told[T] | None
    waiting_since: float | None


class Question(Generic[T]):
    """Asks in a thread of its own, one question at a time, and only when somebody wants to know.

    An answer is as good as new for `kept_seconds`; nobody waits longer than `patience` seconds from
    the moment of the question. One that fails is logged and tells nothing. Safe to use from many threads.
    """

    def __init__(
        self,
        ask: Callable[[], T],
        *,
        kept_seconds: float,
        patience: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._kept_seconds = kept_seconds
        self._patience = patience
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._last: Told[T] | None = None
        self._waiting_since: float | None = None

    def begin(self) -> None:
        """Ask if need be, without waiting: whoever has several questions begins with all of them."""
        with self._changed:
            self._begin()

    def known(self) -> Known[T]:
        """What is known, after a question to which there was enough time to answer."""
        with self._changed:
            self._begin()
            if self._waiting_since is not None:
                patience = self._waiting_since + self._patience - self._monotonic()
                self._changed.wait_for(lambda: self._waiting_since is None, max(0.0, patience))
            return Known(self._last, self._waiting_since)

    def _begin(self) -> None:
        now = self._monotonic()
        is_old = self._last is None or now - self._last.told_at >= self._kept_seconds
        if self._waiting_since is None and is_old:
            self._waiting_since = now
            threading.Thread(target=self._run, args=(now,), name="question", daemon=True).start()

    def _run(self, asked_at: float) -> None:
        try:
            answer = self._ask()
            with self._changed:
                self._last = Told(answer, asked_at, self._monotonic())
        except Exception:
            log.exception("the health of this process could not be looked at")
        finally:
            with self._changed:
                self._waiting_since = None
                self._changed.notify_all()
