"""What Ctrl-C and SIGTERM do to a command that is at work."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """Have SIGTERM raise `KeyboardInterrupt` meanwhile, as Ctrl-C does, so that a command can clean up."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _handled(interrupt, signal.SIGTERM):
        yield


@contextmanager
def stoppable() -> Iterator[list[bool]]:
    """Have Ctrl-C and SIGTERM noted meanwhile, so that the page in hand is finished; a second one ends at
    once."""
    asked: list[bool] = []

    def note(*_: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)

    with _handled(note, signal.SIGINT, signal.SIGTERM):
        yield asked


@contextmanager
def _handled(handler: Callable[..., None], *kinds: signal.Signals) -> Iterator[None]:
    before = {kind: signal.signal(kind, handler) for kind in kinds}
    try:
        yield
    finally:
        for kind, earlier in before.items():
            signal.signal(kind, earlier)
