"""The audit of everything inside a process that serves: one at a time, and every request goes first.

It runs in a thread of its own. Python runs one thread at a time, so the audit rests after each hundred
events for as long as a part of what they took: whoever waits for the processor has it then.
"""

import threading
import time
from dataclasses import dataclass

import structlog

from system.bootstrap import Orderwright

from .report import AuditReport
from .run import Stage, audit

KEPT_SECONDS = 60.0
"""So long a report is given out that took longer than anybody waits for it."""

WAITED_FOR_SECONDS = 5.0
"""Whoever asks for a report waits so long for it, if at all. One that takes no longer is always new."""

LONGEST_RETRY_SECONDS = 30
RESTS_FOR = 0.5
"""The rest after a piece of work, as a part of the time that this took."""
SHORTEST_REST_SECONDS = 0.0001

log = structlog.get_logger()


@dataclass(frozen=True)
class AuditProgress:
    """How far an audit is: so much of a stage is done, after so many seconds."""

    stage: Stage
    done: int
    whole: int
    seconds: float

    @property
    def retry_seconds(self) -> int:
        """When to ask again: when it may be done, but soon enough to find its report."""
        is_reading = self.stage == Stage.READING and self.done > 0
        left = self.seconds * (self.whole - self.done) / self.done if is_reading else 1.0
        return max(1, min(LONGEST_RETRY_SECONDS, round(left)))


class AuditRun:
    """One audit, under way or over."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ended: float | None = None
        self._told: tuple[Stage, int, int] = (Stage.READING, 0, 0)
        self._over = threading.Event()
        self._report: AuditReport | None = None
        self._error: Exception | None = None

    def report(self, wait_seconds: float) -> AuditReport | None:
        """The report, waiting so long for it; None when it is not over then. Raises what it failed with."""
        self._over.wait(wait_seconds)
        if self._error is not None:
            raise self._error
        return self._report

    @property
    def progress(self) -> AuditProgress:
        """How far it is."""
        return AuditProgress(*self._told, round(time.monotonic() - self._began, 1))

    @property
    def age_seconds(self) -> float:
        """How long ago it ended; zero while it is under way."""
        return 0.0 if self._ended is None else time.monotonic() - self._ended

    @property
    def is_to_be_joined(self) -> bool:
        """Whether whoever asks now gets this one: it is under way, or was for so long that those who
        asked could not wait for it, and ended a moment ago."""
        if self._ended is None:
            return True
        took = self._ended - self._began
        return self._error is None and took >= WAITED_FOR_SECONDS and self.age_seconds < KEPT_SECONDS

    def carry_out(self, orderwright: Orderwright) -> None:
        """Audit, and keep the report or what went wrong."""
        self._rested = time.monotonic()
        try:
            self._report = audit(orderwright, self._look)
        except Exception as error:  # whoever asked is told
            log.warning("the audit failed", error=str(error))
            self._error = error
        self._ended = time.monotonic()
        self._over.set()

    def _look(self, stage: Stage, done: int, whole: int) -> None:
        self._told = stage, done, whole
        _rest(max(SHORTEST_REST_SECONDS, (time.monotonic() - self._rested) * RESTS_FOR))
        self._rested = time.monotonic()


_rest = time.sleep


class AuditJob:
    """The audits of one process. Safe to use from many threads."""

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright
        self._lock = threading.Lock()
        self._run: AuditRun | None = None

    def join(self) -> AuditRun:
        """The audit that is under way, or was until a moment ago; else a new one."""
        with self._lock:
            if self._run is None or not self._run.is_to_be_joined:
                self._run = AuditRun()
                work = threading.Thread(
                    target=self._run.carry_out, args=(self._orderwright,), name="audit", daemon=True
                )
                work.start()
            return self._run
