"""A payment provider that is a company of its own: it remembers its charges when our process dies."""

import os
import threading
from pathlib import Path

from application.ports import ChargeRequest
from system.gateways.simulated import SimulatedGateway


class ProviderAcrossTheStreet(SimulatedGateway):
    """The simulated provider, with a ledger on disk: one line a charge."""

    def __init__(self, ledger: Path) -> None:
        super().__init__()
        self._ledger = ledger
        self._pen = threading.Lock()
        self._written = set(self.lines())
        for key in self._written:
            self.charges[key] = None  # type: ignore[assignment]  # of what it has charged it knows the key

    def lines(self) -> list[str]:
        """The key of every charge that was ever made, as often as it was made."""
        return self._ledger.read_text().split() if self._ledger.exists() else []

    def charge(self, request: ChargeRequest) -> str:
        """Charge, and write it down before anybody hears of it."""
        try:
            return super().charge(request)
        finally:
            with self._pen:
                if request.key in self.charges and request.key not in self._written:
                    self._written.add(request.key)
                    append(self._ledger, request.key)


def append(path: Path, line: str) -> None:
    """Add a line to a file, all or nothing; it outlives the process from here on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
