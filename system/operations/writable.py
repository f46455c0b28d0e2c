"""Can the files of the store be written?"""

import structlog

from system.bootstrap import Orderwright

log = structlog.get_logger()


def unwritable(orderwright: Orderwright) -> dict[str, str]:
    """The applications whose SQLite file cannot be written, each with why."""
    found = {}
    for name, application in orderwright.applications.items():
        why = application.recorder.why_unwritable()
        if why is not None:
            found[name] = why
    return found


def warn_of_unwritable(orderwright: Orderwright) -> None:
    """Say in the log, at the start, what cannot be written. Nothing has to be started again for it."""
    found = unwritable(orderwright)
    if found:
        log.warning(
            "files of the store cannot be written: commands are answered 503 and orders wait until they can",
            applications=sorted(found),
            error=next(iter(found.values())),
        )
