"""Long work that is stopped goes on when the same command is given again, and says so."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from .commands import wants_json


@contextmanager
def told_how_to_resume() -> Iterator[None]:
    """Ctrl-C and SIGTERM stop a command cleanly, and it says how it goes on."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if not wants_json():
            click.echo("Stopped; what was recorded is kept. Run the same command again to go on.", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
