"""A console in a folder of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from .console import Console
from .files import SMALL, write_orders


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """A console over an empty store."""
    monkeypatch.chdir(tmp_path)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "ORDERWRIGHT_DATA": str(tmp_path / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
        "USER": "ada",
    }
    console = Console(tmp_path, environment)
    yield console
    console.close()
    structlog.reset_defaults()  # the commands log to the standard error of their time, which is closed now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small file of orders."""
    return write_orders(tmp_path / "orders.csv", *SMALL)
