"""Work that never ends, in a thread of its own: woken when there may be something to do, pausing while it
fails."""

import threading
from typing import Any, ClassVar

import structlog

from .pulse import Pulse
from .wakeup import Wakeup

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0

log = structlog.get_logger()


class BackgroundLoop:
    """Calls `work` again and again until it is stopped. It is started once.

    Subclasses write `work`: one round, with the rest that follows when nothing is left to do. A round that
    fails with one of the `faults` is a pause, twice as long each time; any other error is logged with its
    stack, and the longest pause. Neither is an end.
    """

    faults: ClassVar[tuple[type[Exception], ...]] = ()
    """What comes right by itself, such as a store that is away."""
    first_pause: ClassVar[float] = FIRST_PAUSE
    pausing: ClassVar[str]
    """What is logged when the first of several rounds in a row fails with one of the `faults`."""
    failed: ClassVar[str]
    """What is logged with any other error."""

    def __init__(self, name: str, **about: Any) -> None:
        """`name` is the thread's; `about` goes with all that is logged."""
        self.wakeup = Wakeup()
        self.pulse = Pulse()
        self.fault: str | None = None
        """Why it is pausing at present, or None."""
        self._pause = self.first_pause
        self._about = about
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell it to end: at once when it rests or pauses, else after the round in hand."""
        self.wakeup.stop()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, so many seconds at most."""
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        """Whether it has begun and not ended."""
        return self._thread.is_alive()

    def is_busy(self) -> bool:
        """Whether there is something to do, now or later."""
        return False

    def work(self) -> None:
        """Do what there is to do, and `rest` when nothing is left."""
        raise NotImplementedError

    def while_held(self) -> None:
        """What is done in place of work while this is held, see `Wakeup.is_held`."""
        self.rest(LONGEST_PAUSE)

    def rest(self, seconds: float) -> None:
        """Have nothing to do until rung, or so long."""
        self.pulse.rest(lambda: self.wakeup.wait(seconds))

    def back_off(self, error: Exception, seconds: float) -> None:  # noqa: ARG002 - for those who tell errors apart
        """Wait after a failed round, so long at most."""
        self.pulse.fails()
        self.wakeup.wait(seconds)

    def recovered(self) -> None:
        """It goes well: the next fault is the first one again."""
        self.fault, self._pause = None, self.first_pause

    def _run(self) -> None:
        self.pulse.belongs_here()
        while not self.wakeup.is_stopping:
            self.wakeup.clear()
            try:
                if self.wakeup.is_held:
                    self.while_held()
                else:
                    self.work()
                self.recovered()
            except self.faults as error:
                if self.fault is None:
                    log.warning(self.pausing, **self._about, error=str(error))
                self._after(error, self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
            except Exception as error:  # not even a fault in the program ends the loop
                log.exception(self.failed, **self._about)
                self._after(error, LONGEST_PAUSE)

    def _after(self, error: Exception, seconds: float) -> None:
        self.fault = f"{type(error).__name__}: {error}"
        self.back_off(error, seconds)
