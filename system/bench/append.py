"""(a) Appending one event, by one writer or many."""

import threading
import time
from collections.abc import Callable
from uuid import uuid4

from .measurements import LIMIT, OURS, STOCK, Round
from .setting import EVENTS_TABLE, INSERT_EVENTS, Setting, an_event

WRITERS = (1, 4, 16)
UNITS = {f"append_{writers}": ("events/s", True) for writers in WRITERS}


def measure(setting: Setting) -> Round:
    """Events a second by so many writers, each an append of its own: threads here, clients of pgbench."""
    found: dict[str, dict[str, float]] = {name: {} for name in UNITS}
    for contender in (OURS, STOCK):
        with setting.opened(contender) as orderwright:
            recorder = orderwright.orders.recorder
            append: Callable[[], object] = lambda: recorder.insert_events([an_event(uuid4())])  # noqa: B023, E731 - used in here
            for writers in WRITERS:
                before = recorder.max_notification_id() or 0
                rate = _rate(append, writers, setting.seconds)
                if (recorder.max_notification_id() or 0) <= before:
                    raise RuntimeError("nothing was appended")
                found[f"append_{writers}"][contender] = rate
    for writers in WRITERS:
        limit = setting.pgbench(EVENTS_TABLE, INSERT_EVENTS.format(events=1), writers)
        if limit is not None:
            found[f"append_{writers}"][LIMIT] = limit
    return found


def _rate(append: Callable[[], object], writers: int, seconds: float) -> float:
    counts = [0] * writers
    errors: list[Exception] = []
    end = time.monotonic() + seconds

    def write(writer: int) -> None:
        try:
            while time.monotonic() < end:
                append()
                counts[writer] += 1
        except Exception as error:
            errors.append(error)

    began = time.monotonic()
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return sum(counts) / (time.monotonic() - began)
