"""Fixtures for every test: a real PostgreSQL, started once a session and only when a test asks for it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.postgres import PrivatePostgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """A running private PostgreSQL, shared by the session; leave it running."""
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def postgres_environment(postgres: PrivatePostgres) -> Iterator[dict[str, str]]:
    """The environment variables of a fresh, empty database of this test's own, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(name)
    try:
        yield postgres.environment(name)
    finally:
        postgres.drop_database(name)
