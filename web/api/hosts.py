"""The names under which the API answers.

A page of the web can have its own name lead to an address in here (DNS rebinding), and then ask this
service what it likes with a visitor's browser. The browser sends that page's name as `Host`, so requests
under a foreign name are refused. An address is never such a name, and no browser leaves `Host` out.
"""

import re
import socket
from ipaddress import ip_address

from system.settings.environment import Settings
from web.errors import HostNotAllowed

ANY = "*"
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::[0-9]*)?")


class AllowedHosts:
    """The names of the settings, `localhost`, that of this machine, and that at which it listens."""

    def __init__(self, settings: Settings, listens_at: str | None) -> None:
        listed = (name.strip() for name in settings.allowed_hosts.split(","))
        own = ("localhost", socket.gethostname(), listens_at or "localhost")
        self._names = frozenset(_plain(name) for name in (*listed, *own))

    def check(self, host: str | None) -> None:
        """Raise `HostNotAllowed` when a request's `Host` is a foreign name."""
        if not host or ANY in self._names:
            return
        found = _HOST.fullmatch(host)
        name = _plain(found[1]) if found is not None else ""
        if not (name in self._names or name.endswith(".localhost") or _is_address(name)):
            raise HostNotAllowed(name or host)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
