"""Serve the HTTP API, with the followers or without."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from system.settings.environment import ON_POSTGRES
from web.server import serve as serve_http

from .commands import Command
from .store import settings_now

F = TypeVar("F", bound=Callable[..., Any])

MOST_WORKERS = 64


def _address_options(command: F) -> F:
    for option in (
        click.option(
            "--port",
            default=8000,
            show_default=True,
            type=click.IntRange(0, 65535),
            help="0 takes a free one.",
        ),
        click.option(
            "--host",
            default="127.0.0.1",
            show_default=True,
            help="Address to listen at. There is no authentication yet: whoever reaches it can do anything.",
        ),
    ):
        command = option(command)
    return command


@click.command(cls=Command)
@_address_options
@click.pass_context
def serve(context: click.Context, host: str, port: int) -> None:
    """Serve the HTTP API and run the followers, until SIGTERM or Ctrl-C.

    Says the address when it is ready. Exit code 1 when it cannot start.
    """
    context.exit(serve_http(settings_now(), host, port))


@click.command(cls=Command)
@_address_options
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, MOST_WORKERS),
    help="Processes that serve. More than one needs PostgreSQL.",
)
@click.pass_context
def api(context: click.Context, host: str, port: int, workers: int) -> None:
    """Serve the HTTP API alone, until SIGTERM or Ctrl-C; `orderwright runner` runs the followers.

    Says the address when it is ready. Exit code 1 when it cannot start.
    """
    settings = settings_now()
    if settings.is_in_memory:
        raise click.UsageError(
            "events in memory cannot be followed by another process: use `orderwright serve`"
        )
    if workers > 1 and settings.persistence_module not in ON_POSTGRES:
        raise click.UsageError(
            f"PERSISTENCE_MODULE={settings.persistence_module} is served by one worker; "
            "more than one needs PostgreSQL"
        )
    context.exit(serve_http(settings, host, port, with_runner=False, workers=workers))
