"""Structured logs on standard error: one JSON object a line, or readable lines for a terminal."""

import logging
import sys
from typing import Literal

import structlog

from .visible import spell_out


def configure_logs(style: Literal["json", "console"], level: str) -> None:
    """Set up logging for this process. Times are UTC in RFC 3339."""
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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
