"""Structured logs on standard error: one JSON object a line, or readable lines for a terminal."""

import contextlib
import logging
import sys
from typing import Literal

import structlog

from .visible import spell_out


class _Lines(structlog.WriteLogger):
    """Lines of the log. One that cannot be written, as on a full disk, is lost, and whoever had it to say
    goes on."""

    def msg(self, message: str) -> None:
        """Write a line, if that can be done."""
        with contextlib.suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def configure_logs(style: Literal["json", "console"], level: str) -> None:
    """Set up logging for this process. Times are UTC in RFC 3339."""
    stream = sys.stderr
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            spell_out,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: _Lines(stream),
    )
