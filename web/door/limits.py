"""How long a client may take, and how much of it is kept meanwhile."""

import resource
from dataclasses import dataclass, field

MOST_HEADER_BYTES = 32 * 1024
MOST_REQUEST_LINE_BYTES = 4094
"""The server's parser refuses a longer one as well."""

MOST_CHUNK_LINE_BYTES = 4096
MOST_TRAILER_BYTES = 8192
READ_AT_ONCE_BYTES = 64 * 1024
READ_AHEAD_BYTES = 64 * 1024
"""So much of the next request is taken in while one is being answered."""

_KEPT_FREE_DESCRIPTORS = 192
_FEWEST_CONNECTIONS, _MOST_CONNECTIONS = 64, 4096


def most_connections() -> int:
    """As many connections as the descriptors of a process allow, and some left for files and the store."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, allowed - _KEPT_FREE_DESCRIPTORS))


@dataclass(frozen=True)
class Limits:
    """The limits of one process. A body and an answer may take `transfer_seconds`, and longer the
    larger they are: nobody is slower than `bytes_a_second`."""

    body_bytes: int
    idle_seconds: float = 15
    header_seconds: float = 10
    transfer_seconds: float = 15
    bytes_a_second: int = 64 * 1024
    linger_seconds: float = 2
    """How long what a client still sends is thrown away after the last answer, so that it reads that."""
    stop_idle_seconds: float = 1
    """How long a kept connection stays open while the server stops: a request may be on its way."""
    stop_unfinished_seconds: float = 2
    """How long a request may go on arriving while the server stops."""
    held_bytes: int = 64 * 1024 * 1024
    """Of unfinished requests and unsent answers together; then the largest goes."""
    connections: int = field(default_factory=most_connections)

    def seconds_for(self, size: int) -> float:
        """How long so many bytes may take."""
        return self.transfer_seconds + size / self.bytes_a_second
