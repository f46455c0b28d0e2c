"""A bell for threads that wait until there is something to do."""

import threading
import time


class Wakeup:
    """A bell that threads wait for, and a flag that tells them to stop."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self.is_stopping = False
        self.is_held = False
        """Whether a worker beside a follower has to wait: what it would act on is not to be trusted."""

    @property
    def is_rung(self) -> bool:
        """Whether somebody has rung, and it was not cleared since."""
        return self._bell.is_set()

    def ring(self) -> None:
        """Wake whoever waits, now or next time."""
        self._bell.set()

    def stop(self) -> None:
        """Wake whoever waits, for the last time."""
        self.is_stopping = True
        self._bell.set()

    def wait(self, seconds: float) -> None:
        """Until rung, or so long."""
        self._bell.wait(seconds)

    def sleep(self, seconds: float) -> None:
        """So long, whoever rings; shorter only when it is time to go home."""
        wake_at = time.monotonic() + seconds
        while (left := wake_at - time.monotonic()) > 0 and not self.is_stopping:
            self.clear()
            self.wait(left)

    def clear(self) -> None:
        """Forget earlier rings; what was recorded before this is looked at next."""
        self._bell.clear()
        if self.is_stopping:  # asked last: `stop` may have rung just before the bell was cleared
            self._bell.set()
