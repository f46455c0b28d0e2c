"""Asks the application, in a thread, and puts its answer together as a whole."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http import wsgi  # type: ignore[import-untyped]

from .receiver import Received

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Outlet:
    """Stands where the server's response writes to a socket; keeps what it writes."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.sendall = self.parts.append

    def send(self, _: bytes) -> None:
        """Leave to go on with a body that has been read long since."""


def answer_to(
    received: Received,
    application: Application,
    config: Config,
    ends: tuple[Any, Any],
    closes: Callable[[], bool],
) -> tuple[bytes, bool]:
    """The bytes of the answer, and whether the connection between these ends can be used again:
    `closes` is asked when the answer is known, and says whether it is the last."""
    outlet = _Outlet()
    response, environ = wsgi.create(received.head, outlet, *ends, config)
    environ["wsgi.multithread"] = True
    environ["wsgi.input"] = BytesIO(received.body)
    items = application(environ, response.start_response)
    try:
        if closes():
            response.force_close()
        for item in items:
            response.write(item)
        response.close()
    finally:
        if hasattr(items, "close"):
            items.close()
    return b"".join(outlet.parts), not response.should_close()
