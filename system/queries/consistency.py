"""Read your writes: a write answers with a token, and a query that brings it waits for the read model."""

import time
from dataclasses import dataclass
from typing import Any

from eventsourcing.application import Application

from application.queries import InvalidQuery
from application.views import Written
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.projection import Projection

LOOK_AGAIN_SECONDS = 0.005
LOOK_EVERY_SECONDS = 0.1
"""A read model usually is there within milliseconds. The longer it takes, the less often it is asked."""


@dataclass(frozen=True)
class Token:
    """A position in the log of an application."""

    application: str
    position: int

    def __str__(self) -> str:
        return f"{self.application}:{self.position}"


def token_for(written: Written[Any]) -> str:
    """The token of a write."""
    return str(Token(written.application, written.position))


def parse_token(text: str) -> Token:
    """The token in a text, or `InvalidQuery`."""
    application, _, position = text.partition(":")
    if (
        application not in definition.leaders
        or not position.isascii()
        or not position.isdigit()
        or len(position) > 18
    ):
        raise InvalidQuery(f"{text!r} is not a token of ours", field="/Consistency-Token")
    return Token(application, int(position))


def check_written(orderwright: Orderwright, token: Token) -> Token:
    """Return the token of a write that is in the log, else raise `InvalidQuery`.

    A token ahead of the log is forged, or from before the store was set back: nobody should wait for it.
    """
    application: Application[Any] = orderwright.applications[token.application]
    if token.position > (application.recorder.max_notification_id() or 0):
        raise InvalidQuery(f"{str(token)!r} is ahead of what is stored", field="/Consistency-Token")
    return token


def wait_until_seen(projection: Projection, token: Token, timeout_seconds: float) -> bool:
    """Wait until a read model has processed the token's position; False when it has not in time.

    A token of an application that the read model does not follow has nothing to wait for.
    """
    if token.application not in definition.follows[projection.name]:
        return True
    deadline, pause = time.monotonic() + timeout_seconds, LOOK_AGAIN_SECONDS
    while _position(projection, token.application) < token.position:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LOOK_EVERY_SECONDS)
    return True


def _position(projection: Projection, leader: str) -> int:
    return projection.recorder.max_tracking_id(projection.key_of(leader)) or 0


def wait_until_level(orderwright: Orderwright, projection: Projection, timeout_seconds: float) -> bool:
    """Wait, at best, until a read model has reached the present end of every log it follows."""
    deadline = time.monotonic() + timeout_seconds
    for leader in definition.follows[projection.name]:
        application: Application[Any] = orderwright.applications[leader]
        token = Token(leader, application.recorder.max_notification_id() or 0)
        if not wait_until_seen(projection, token, max(0.0, deadline - time.monotonic())):
            return False
    return True
