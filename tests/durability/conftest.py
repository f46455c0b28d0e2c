"""Stores on a real disk, and in a real PostgreSQL."""

from pathlib import Path

import pytest

from tests.support.fixtures import Environment, open_way

__all__ = ["open_way"]


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """The environment of each persistence that outlives a process."""
    environment = {
        "PERSISTENCE_MODULE": f"eventsourcing.{request.param}",
        "ORDERWRIGHT_DATA": str(tmp_path / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
    }
    if request.param == "postgres":
        environment |= request.getfixturevalue("postgres_environment")
    return environment
