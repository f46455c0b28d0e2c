"""Long work that is stopped goes on when the same command is given again, and says so."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from .commands import wants_json
from .interrupting import interruptible


@contextmanager
def told_how_to_resume() -> Iterator[None]:
    """Ctrl-C and SIGTERM stop a command cleanly, and it says how it goes on."""

    try:
        with interruptible():
            yield
    except KeyboardInterrupt:
        if not wants_json():
            click.echo("Stopped; what was recorded is kept. Run the same command again to go on.", err=True)
        raise
