"""Standard output that says so when it takes no more, as on a full disk."""

import contextlib
import io
import os
import sys
from typing import Any, TextIO

from .errors import UnwritableOutput


class _StandardOutput(io.FileIO):
    """Bytes to standard output. What cannot be written is told once, and what comes after it is dropped:
    nothing may fail again when it is flushed at the end."""

    def write(self, some: Any) -> int:
        """See `io.RawIOBase`. Raises `UnwritableOutput`, and `BrokenPipeError` when the reader has gone."""
        try:
            return super().write(some)
        except OSError as error:
            drop(self)
            if isinstance(error, BrokenPipeError):
                raise
            raise UnwritableOutput("standard output", error) from None


def tell_when_it_is_full() -> None:
    """Have standard output raise `UnwritableOutput`."""
    stream = sys.stdout
    if stream is not sys.__stdout__ or not isinstance(stream, io.TextIOWrapper):
        return  # somebody has put another in its place, or it was closed before we began
    raw = _StandardOutput(stream.fileno(), "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=stream.line_buffering
    )


def drop(stream: TextIO | io.FileIO) -> None:
    """Have what is written to a stream from now on go nowhere."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
