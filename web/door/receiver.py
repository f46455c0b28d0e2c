"""Puts requests together from what arrives on one connection.

The header is parsed by the server's own parser, once it is there as a whole; what the parser makes of
it alone decides where the request ends.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
)
from gunicorn.http.message import Request  # type: ignore[import-untyped]
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]

from .bodies import Body, body_of
from .limits import MOST_HEADER_BYTES, MOST_REQUEST_LINE_BYTES
from .refusals import Refused

_STATUS_OF = {LimitRequestLine: 414, LimitRequestHeaders: 431, ExpectationFailed: 417}

_ONCE = frozenset(
    {
        *("AUTHORIZATION", "CONSISTENCY-TOKEN", "CONTENT-TYPE", "HOST", "IDEMPOTENCY-KEY", "IF-MATCH"),
        *("X-REQUEST-ID", "X-USER"),
    }
)
"""Headers of which a second one would be joined to the first, or win over it, without a word."""


class Stage(Enum):
    """What a connection waits for."""

    NOTHING = auto()
    HEADER = auto()
    BODY = auto()


@dataclass(frozen=True)
class Received:
    """A request that is there as a whole."""

    head: Request
    body: bytes


class Receiver:
    """What has arrived on a connection and is not answered yet."""

    def __init__(self, config: Config, client: Any, most_body_bytes: int) -> None:
        self._config = config
        self._client = client
        self._most_body_bytes = most_body_bytes
        self._buffer = bytearray()
        self._head: Request | None = None
        self._body: Body | None = None
        self._is_line_checked = False

    @property
    def stage(self) -> Stage:
        """How far the next request has come."""
        if self._head is not None:
            return Stage.BODY
        return Stage.HEADER if self._buffer else Stage.NOTHING

    @property
    def held_bytes(self) -> int:
        """How much is kept."""
        return len(self._buffer) + (self._body.held_bytes if self._body else 0)

    @property
    def awaited_bytes(self) -> int:
        """How large the body is, or may become."""
        return self._body.most_bytes if self._body else 0

    @property
    def waits_for_leave(self) -> bool:
        """Whether the client sends its body only when it is told to go on."""
        head = self._head
        return head is not None and head.version >= (1, 1) and any(n == "EXPECT" for n, _ in head.headers)

    @property
    def is_head_request(self) -> bool:
        """Whether an answer would have no body."""
        return self._head is not None and self._head.method == "HEAD"

    def feed(self, data: bytes) -> None:
        """More has arrived."""
        self._buffer += data

    def next_request(self) -> Received | None:
        """The next whole request; None while it is not there yet. Raises `Refused`, after which
        nothing on this connection can be trusted any more."""
        if self._head is None:
            self._head = self._take_head()
            if self._head is None:
                return None
            self._body = body_of(self._head, self._most_body_bytes)
        assert self._body is not None
        body = self._body.take(self._buffer)
        if body is None:
            return None
        received = Received(self._head, body)
        self._head = self._body = None
        self._is_line_checked = False
        return received

    def _take_head(self) -> Request | None:
        buffer = self._buffer
        while buffer[:2] == b"\r\n":  # some clients send one too many after a body
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", 0, MOST_HEADER_BYTES)
        if end < 0:
            self._check_beginning()
            return None
        data = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        return self._parsed(data)

    def _check_beginning(self) -> None:
        """Refuse what can never become a header, instead of waiting for the rest of it."""
        buffer = self._buffer
        if buffer and buffer != b"\r" and not 0x21 <= buffer[0] <= 0x7E:
            raise Refused(400, "what was sent is not HTTP")
        if buffer.count(b"\n") != buffer.count(b"\r\n"):
            raise Refused(400, "the lines of a header must end with CR LF")
        if not self._is_line_checked:
            end = buffer.find(b"\r\n")
            if end < 0 and len(buffer) > MOST_REQUEST_LINE_BYTES + 2:
                raise Refused(414)
            if end >= 0 and b" HTTP/1." not in buffer[:end]:
                raise Refused(400, "the first line does not end with HTTP/1.1 or HTTP/1.0")
            self._is_line_checked = end >= 0
        if len(buffer) >= MOST_HEADER_BYTES:
            raise Refused(431)

    def _parsed(self, data: bytes) -> Request:
        try:
            head = next(RequestParser(self._config, [data], self._client))
        except ParseException as error:
            status = next((code for kind, code in _STATUS_OF.items() if isinstance(error, kind)), 400)
            raise Refused(status, str(error) if status == 400 else None) from None
        except (NoMoreData, StopIteration, ValueError):
            raise Refused(400) from None
        if head.version >= (1, 1) and not any(name == "HOST" for name, _ in head.headers):
            raise Refused(400, "a request of HTTP/1.1 must name the host")
        names = [name for name, _ in head.headers if name in _ONCE]
        for name in names:
            if names.count(name) > 1:
                raise Refused(400, f"{name.title()} is given twice; which one counts cannot be told")
        return head
