"""Opens what a command works on, and closes it again."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

from application.base import CommandContext
from application.views import Written
from system.bootstrap import Orderwright, build
from system.followers.projection import Projection
from system.observability.logs import configure_logs
from system.operations.settling import settle
from system.queries.consistency import parse_token, token_for, wait_until_seen
from system.runner.service import RunnerService
from system.settings.environment import Settings

from .commands import wants_json
from .progress import Advance, progress_bars


def settings_now() -> Settings:
    """The settings of the environment. Logs go to standard error, for a command only what is wrong; with
    ``--json`` as JSON, a line each."""
    settings = Settings.from_environment(os.environ)
    is_asked_for = bool(os.environ.get("ORDERWRIGHT_LOG_LEVEL"))
    style = "json" if wants_json() else settings.log_style
    configure_logs(style, settings.log_level if is_asked_for else "ERROR")
    return settings


@contextmanager
def opened(*, to_follow: bool = False) -> Iterator[Orderwright]:
    """The system, to look at or to command; to follow, only a store that can be written and holds nothing
    that this release does not know. The first time on a store of an earlier release there is a
    bar for the references of its orders, which are claimed then."""
    settings = settings_now()
    with ExitStack() as bar:

        def show(read: int, whole: int) -> None:
            if not advance:
                bars = bar.enter_context(progress_bars(quiet=False))
                advance.append(bar.enter_context(bars.bar("Claiming", whole, "events")))
            advance[0](read, read)

        advance: list[Advance] = []
        orderwright = build(settings, upgrading=show, must_write=to_follow)
    try:
        yield orderwright
    finally:
        orderwright.close()


@contextmanager
def followed() -> Iterator[tuple[Orderwright, RunnerService]]:
    """The system with its followers: run here, unless another process runs them already."""
    with opened(to_follow=True) as orderwright:
        service = RunnerService(orderwright, orderwright.leases(is_guest=True))
        service.start()
        orderwright.snapshots.start()
        try:
            yield orderwright, service
        finally:
            service.stop()


def command_by(user: str, orderwright: Orderwright, key: str | None = None) -> CommandContext:
    """The context of a command that is given now; under a key it can be given again."""
    return CommandContext(key or f"cli:{uuid4()}", orderwright.clock(), user, can_be_a_repeat=key is not None)


def let_it_be_seen(
    written: Written[Any], projection: Projection, orderwright: Orderwright, service: RunnerService
) -> None:
    """Wait, bounded, until a read model has seen a write, so that the next command shows it."""
    patience = orderwright.settings.consistency_wait_seconds
    wait_until_seen(projection, parse_token(token_for(written)), patience)
    if service.is_running:
        settle(orderwright, service, timeout=patience)
