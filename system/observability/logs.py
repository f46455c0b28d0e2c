"""Structured logs on standard error: one JSON object a line, or readable lines for a terminal."""

import logging
import re
import sys
from typing import Any, Literal

import structlog

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROLS_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SEVERAL_LINES = frozenset({"exception", "stack"})


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
            escape_controls,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def escape_controls(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """Write control characters, line ends and marks that turn the direction of writing as escapes:
    what somebody sent or stored must not move a terminal's cursor, nor look like a line of ours.
    Tracebacks keep their lines."""
    for key, value in line.items():
        if isinstance(value, str):
            controls = _CONTROLS_IN_TEXT if key in _SEVERAL_LINES else _CONTROLS
            line[key] = controls.sub(_escaped, value)
        elif isinstance(value, BaseException):
            line[key] = _CONTROLS.sub(_escaped, str(value))
    return line


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
