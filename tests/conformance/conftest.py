"""One application and one read model on every store."""

from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import ProcessRecorder

from system.definition import Orders
from system.definition import orderwright as definition
from system.followers.projection import Projection
from system.settings.environment import Settings
from system.stores import application_environment
from tests.support.fixtures import (
    Environment,
    durable_persistence,
    emptied_postgres,
    on_sqlite,
    persistence,
    quick_folder,
    shared_database,
    tuned_postgres,
)

__all__ = [
    "durable_persistence",
    "emptied_postgres",
    "on_sqlite",
    "persistence",
    "quick_folder",
    "shared_database",
    "tuned_postgres",
]

Open = Callable[[type[Application[UUID]], Environment], Any]


@pytest.fixture
def open_application() -> Iterator[Open]:
    """Opens applications on a store and closes them after the test."""
    opened: list[Application[UUID]] = []

    def make(application_class: type[Application[UUID]], environment: Environment) -> Any:
        settings = Settings.from_environment(environment)
        settings.data.mkdir(parents=True, exist_ok=True)
        opened.append(application_class(env=application_environment(settings)))
        return opened[-1]

    yield make
    for application in opened:
        application.close()


@pytest.fixture
def recorder(persistence: Environment, open_application: Open) -> ProcessRecorder:
    """The recorder of an application that follows and leads, on every store."""
    return cast(ProcessRecorder, open_application(Orders, persistence).recorder)


@pytest.fixture
def stock_levels(persistence: Environment, open_application: Open) -> Projection:
    """A read model on every store."""
    return cast(Projection, open_application(definition.get_app_cls("StockLevels"), persistence))
