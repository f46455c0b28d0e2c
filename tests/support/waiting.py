"""Waiting for something that another thread or process does, with a deadline instead of a guess."""

import time
from collections.abc import Callable

LOOK_EVERY_SECONDS = 0.002
PATIENCE_SECONDS = 180.0
"""How long a test waits for anything before it gives up: no promise of the product, and far more than the
slowest and busiest machine needs. That something comes soon is shown by what it comes before."""


def wait_until(holds: Callable[[], object], *, within: float = PATIENCE_SECONDS, what: str = "it") -> None:
    """Return as soon as `holds()` is true; fail when `within` seconds were not enough for `what`."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within} seconds in vain until {what}")
        time.sleep(LOOK_EVERY_SECONDS)
