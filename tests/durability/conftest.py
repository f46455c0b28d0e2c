"""Stores on a real disk, and in a real PostgreSQL."""

from pathlib import Path

import pytest

from tests.support.fixtures import PERSISTENCE, Environment, migrated, open_way

__all__ = ["open_way"]


@pytest.fixture(params=["sqlite", "postgres", "tuned"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """The environment of each persistence that outlives a process."""
    environment = {
        "PERSISTENCE_MODULE": PERSISTENCE[request.param],
        "ORDERWRIGHT_DATA": str(tmp_path / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
    }
    if request.param != "sqlite":
        environment |= request.getfixturevalue("postgres_environment")
    if request.param == "tuned":
        migrated(environment)
    return environment
