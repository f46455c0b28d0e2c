"""Values as people type them: times and texts."""

import re
from datetime import UTC, datetime

import click

from application.errors import DomainError
from application.limits import check_name, check_text

MAX_KEY = 255
"""The longest key under which a command can be sent again."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_OF_DAY = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[-+][0-9]{2}:[0-9]{2})?"
_TIME = re.compile(f"{_DAY}([Tt ]{_OF_DAY})?")


class Time(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """A day or a time in RFC 3339. Without an offset it is UTC; a day is its first moment."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """See `click.ParamType`."""
        text = str(value)
        try:
            if not _TIME.fullmatch(text):
                raise ValueError
            time = datetime.fromisoformat(text.upper())
            return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is not a time like 2024-05-17 or 2024-05-17T12:00:00Z", param, ctx)


class Words(click.ParamType):  # type: ignore[type-arg]  # as above
    """A text of limited length that can be shown, as every way in takes it."""

    name = "text"
    rule = staticmethod(check_text)

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See `click.ParamType`."""
        try:
            return self.rule(str(value), self._longest)
        except DomainError as error:
            self.fail(error.message, param, ctx)


class Name(Words):
    """The same for what names somebody or something new: all of it can be seen."""

    rule = staticmethod(check_name)
