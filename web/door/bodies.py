"""The body of a request, taken from what has arrived so far. Anything unclear is refused: where a
proxy reads it another way, two requests could be taken for one, or one for two."""

from typing import Protocol

from gunicorn.http.body import CHUNK_EXT_RE, ChunkedReader, LengthReader  # type: ignore[import-untyped]
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.http.message import Request  # type: ignore[import-untyped]

from .limits import MOST_CHUNK_LINE_BYTES, MOST_TRAILER_BYTES
from .refusals import Refused

_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")
_MOST_DIGITS = 16


class Body(Protocol):
    """A body that is on its way. `most_bytes` is what it has at most."""

    most_bytes: int

    def take(self, buffer: bytearray) -> bytes | None:
        """The whole body, which is taken out of the buffer; None while it is not there yet. Raises
        `Refused`."""
        ...

    @property
    def held_bytes(self) -> int:
        """How much of it is kept outside of the buffer."""
        ...


def body_of(head: Request, limit: int) -> Body:
    """What comes after the header of a request. Raises `Refused` when it is too large."""
    reader = head.body.reader
    if isinstance(reader, ChunkedReader):
        if any(name == "TRANSFER-ENCODING" and value.lower() != "chunked" for name, value in head.headers):
            raise Refused(400, "the only Transfer-Encoding that this service takes is chunked")
        return _InChunks(head, limit)
    assert isinstance(reader, LengthReader)
    if reader.length > limit:
        raise Refused(413)
    return _OfLength(reader.length)


class _OfLength:
    """As many bytes as ``Content-Length`` says."""

    held_bytes = 0

    def __init__(self, length: int) -> None:
        self.most_bytes = length

    def take(self, buffer: bytearray) -> bytes | None:
        if len(buffer) < self.most_bytes:
            return None
        body = bytes(buffer[: self.most_bytes])
        del buffer[: self.most_bytes]
        return body


class _InChunks:
    """Chunks, each after a line with its size, until one that is empty; then trailers, which are
    checked and not used."""

    def __init__(self, head: Request, limit: int) -> None:
        self.most_bytes = limit
        self._head = head
        self._body = bytearray()
        self._overhead = 0
        self._missing = 0  # of the chunk, its line end included
        self._is_last = False

    @property
    def held_bytes(self) -> int:
        return len(self._body)

    def take(self, buffer: bytearray) -> bytes | None:
        while not self._is_last:
            goes_on = self._continue_chunk(buffer) if self._missing else self._begin_chunk(buffer)
            if not goes_on:
                return None
        return bytes(self._body) if self._take_trailers(buffer) else None

    def _begin_chunk(self, buffer: bytearray) -> bool:
        line = _line(buffer)
        if line is None:
            return False
        size = _size(line)
        self._overhead += len(line) + 4
        if len(self._body) + size > self.most_bytes or self._overhead > self.most_bytes:
            raise Refused(413)
        self._is_last = size == 0
        self._missing = size + 2 if size else 0
        return True

    def _continue_chunk(self, buffer: bytearray) -> bool:
        if self._missing > 2:
            part = buffer[: self._missing - 2]
            self._body += part
            del buffer[: len(part)]
            self._missing -= len(part)
        if self._missing > 2 or not buffer:
            return False
        if not b"\r\n".startswith(buffer[:2]):
            raise Refused(400, "a chunk of the body is not as long as it says")
        if len(buffer) < 2:
            return False
        del buffer[:2]
        self._missing = 0
        return True

    def _take_trailers(self, buffer: bytearray) -> bool:
        if buffer[:2] == b"\r\n":
            del buffer[:2]
            return True
        end = buffer.find(b"\r\n\r\n", 0, MOST_TRAILER_BYTES)
        if end < 0:
            if len(buffer) > MOST_TRAILER_BYTES:
                raise Refused(431)
            if buffer.count(b"\n") != buffer.count(b"\r\n"):
                raise Refused(400, "the lines behind the last chunk must end with CR LF")
            return False
        try:
            self._head.parse_headers(bytes(buffer[:end]), from_trailer=True)
        except ParseException as error:
            raise Refused(400, f"the lines behind the last chunk are wrong: {error}") from None
        del buffer[: end + 4]
        return True


def _line(buffer: bytearray) -> bytes | None:
    """The next line, without its end, taken out of the buffer; None while it is not there yet."""
    end = buffer.find(b"\n", 0, MOST_CHUNK_LINE_BYTES)
    if end < 0:
        if len(buffer) > MOST_CHUNK_LINE_BYTES:
            raise Refused(400, "the line with the size of a chunk is too long")
        return None
    if end == 0 or buffer[end - 1] != 0x0D:
        raise Refused(400, "the line with the size of a chunk must end with CR LF")
    line = bytes(buffer[: end - 1])
    del buffer[: end + 1]
    return line


def _size(line: bytes) -> int:
    digits, extends, extension = line.partition(b";")
    if extends:
        digits = digits.rstrip(b" \t")
        if not CHUNK_EXT_RE.fullmatch(b";" + extension):
            raise Refused(400, "what follows the size of a chunk is wrong")
    if not 0 < len(digits) <= _MOST_DIGITS or not _HEXADECIMAL.issuperset(digits):
        raise Refused(400, "the size of a chunk is not a hexadecimal number")
    return int(digits, 16)
