"""Why something happens: who asked, in which conversation, because of what, and when.

A cause is opened once, at the edge (a request, a command, a followed event), and every event
that is triggered inside it copies it. Aggregates never read a clock and never invent an id.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class NoCause(RuntimeError):
    """An event was about to be triggered outside of any cause: a fault in the program."""


class CarriesCause(Protocol):
    """What a cause can be continued from: any recorded event."""

    @property
    def timestamp(self) -> datetime: ...
    @property
    def event_id(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def command_id(self) -> str | None: ...
    @property
    def user(self) -> str | None: ...


@dataclass(frozen=True)
class Cause:
    """The metadata that every event triggered under it will carry.

    `time` is an aware UTC time. `correlation_id` names the conversation, which for everything
    about an order is the order's id. `causation_id` is the event or command directly behind it.
    """

    time: datetime
    correlation_id: str
    causation_id: str
    command_id: str | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        if self.time.tzinfo is not UTC:
            object.__setattr__(self, "time", self.time.astimezone(UTC))

    @classmethod
    def command(cls, *, time: datetime, correlation_id: object, command_id: str, user: str | None) -> "Cause":
        """The cause of what a command does: the command itself."""
        return cls(time, str(correlation_id), command_id, command_id, user)

    @classmethod
    def event(cls, event: CarriesCause, time: datetime | None = None) -> "Cause":
        """The cause of a reaction: the event reacted to. Its time is used unless another is given."""
        return cls(
            time or event.timestamp, event.correlation_id, event.event_id, event.command_id, event.user
        )


_current: ContextVar[Cause] = ContextVar("cause")


class because_of:
    """Everything that is triggered inside this block happens because of `cause`."""

    __slots__ = ("_cause", "_token")

    def __init__(self, cause: Cause) -> None:
        self._cause = cause

    def __enter__(self) -> None:
        self._token = _current.set(self._cause)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def current_cause() -> Cause:
    """The cause in force, or `NoCause`."""
    try:
        return _current.get()
    except LookupError:
        raise NoCause("an event was triggered outside of `with because_of(cause):`") from None
