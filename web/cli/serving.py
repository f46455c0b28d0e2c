"""Serve the HTTP API, and run the followers."""

import click

from system.settings import Settings
from web.server import serve as serve_http

from .commands import Command
from .store import settings_now


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 picks one.")
@click.pass_context
def serve(context: click.Context, host: str, port: int) -> None:
    """Serve the HTTP API and run the followers, until SIGTERM or Ctrl-C.

    Says the address when it is ready. Exit code 1 when it cannot start.
    """
    settings: Settings = settings_now()
    context.exit(serve_http(settings, host, port))
