"""Stores that outlive a process, in a file and in the tuned tables."""

from pathlib import Path

import pytest

from tests.support.fixtures import Environment, environment_for
from tests.support.poison import short_pauses

__all__ = ["short_pauses"]


@pytest.fixture(params=["sqlite", "tuned"])
def environment(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of a store in SQLite files, and of one in tuned tables."""
    return environment_for(request.param, request, quick_folder)
