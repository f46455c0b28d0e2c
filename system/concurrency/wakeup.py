"""A bell for threads that wait until there is something to do."""

import threading


class Wakeup:
    """A bell that threads wait for, and a flag that tells them to go home."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self.is_stopping = False
        self.is_held = False
        """Whether a worker beside a follower has to wait: what it would act on is not to be trusted."""

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

    def clear(self) -> None:
        """Forget earlier rings; what was recorded before this is looked at next."""
        if not self.is_stopping:
            self._bell.clear()
