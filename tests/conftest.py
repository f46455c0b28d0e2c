"""Fixtures for every test: a real PostgreSQL, started once a session and only when a test asks for it."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
import structlog

from tests.support.postgres import PrivatePostgres


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make test CORPUS=FOLDER` says."""
    parser.addoption(
        "--corpus",
        metavar="FOLDER",
        action="append",
        default=[],
        help="run this corpus of harvested events through the present code, beside the one that is kept here",
    )


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests_are_no_settings() -> None:
    """What is set for the tests has been read by their modules; the service would refuse such names."""
    for name in [name for name in os.environ if name.startswith("ORDERWRIGHT_TEST_")]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def _logs_are_set_up_by_none() -> Iterator[None]:
    """A command that ran inside a test logs in its own way, and to streams that are closed with it."""
    yield
    structlog.reset_defaults()


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
