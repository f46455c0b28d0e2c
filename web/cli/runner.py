"""Run the followers, and nothing else."""

import signal
import threading

import click
import structlog
from eventsourcing.persistence import OperationalError

from system.bootstrap import Orderwright, build
from system.definition import orderwright as definition
from system.observability.logs import configure_logs
from system.operations.writable import warn_of_unwritable
from system.runner.service import RunnerService, log_change
from system.settings.environment import Settings

from .commands import Command
from .store import settings_now

LOOK_AGAIN_SECONDS = 1.0
NAMES = click.Choice(sorted(definition.followers))

log = structlog.get_logger()


@click.command(cls=Command)
@click.option(
    "--only",
    multiple=True,
    type=NAMES,
    metavar="NAME",
    help=f"Run only these followers, one name or several: {', '.join(NAMES.choices)}.",
)
@click.argument("more", nargs=-1, type=NAMES, metavar="")
def runner(only: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Run the followers, until SIGTERM or Ctrl-C.

    Runners on one store share the followers fairly, over processes and on PostgreSQL over machines;
    when one ends or dies, the others take over. On SQLite files the first one runs all. It logs which
    followers it runs each time that this changes.
    """
    if more and not only:
        raise click.UsageError("followers are named after --only")
    settings = settings_now()
    if settings.is_in_memory:
        raise click.UsageError(
            "events in memory are followed by the process that has them: use `orderwright serve`"
        )
    configure_logs(settings.log_style, settings.log_level)
    told_to_stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda _number, _frame: told_to_stop.set())
    orderwright = _built(settings, told_to_stop)
    if orderwright is None:
        return
    warn_of_unwritable(orderwright)
    orderwright.snapshots.start()
    try:
        service = RunnerService(orderwright, orderwright.leases((*only, *more)), log_change)
        service.start()
        if not service.is_running:
            log.info("other processes run the followers, this one waits")
        told_to_stop.wait()
        service.stop()
    finally:
        orderwright.close()


def _built(settings: Settings, told_to_stop: threading.Event) -> Orderwright | None:
    """The system, as soon as its store answers; None when told to stop before."""
    while not told_to_stop.is_set():
        try:
            return build(settings, must_write=True)
        except OperationalError as error:
            log.warning("the store is away; this process waits for it", error=str(error))
            told_to_stop.wait(LOOK_AGAIN_SECONDS)
    return None
