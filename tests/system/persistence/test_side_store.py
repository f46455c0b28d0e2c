"""What is kept apart has a place of its own on every store, and another one where that is set."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from eventsourcing.persistence import PersistenceError

from system.persistence.side_store import SideStore
from system.persistence.tables import Table
from system.settings.environment import InvalidSettings, Settings
from system.stores import open_side_store
from tests.support.fixtures import PERSISTENCE, Environment
from tests.support.postgres import PrivatePostgres

NOTES = Table(
    "orderwright_notes",
    columns={"name": "TEXT", "number": "BIGINT NOT NULL", "content": "BYTEA"},
    key=("name",),
    indexes={"orderwright_notes_number": "(number)"},
)
PUT = "INSERT INTO @orderwright_notes (name, number, content) VALUES (:name, :number, :content)"


@pytest.fixture(params=list(PERSISTENCE))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    on_postgres = "postgres" in PERSISTENCE[request.param]
    environment = request.getfixturevalue("postgres_environment") if on_postgres else {}
    own = {"PERSISTENCE_MODULE": PERSISTENCE[request.param], "ORDERWRIGHT_DATA": str(tmp_path / "data")}
    return Settings.from_environment(environment | own)


@pytest.fixture
def store(settings: Settings) -> Iterator[SideStore]:
    opened = open_side_store("Seals", settings)
    yield opened
    opened.close()


def names(store: SideStore) -> list[str]:
    return [row["name"] for row in store.rows("SELECT name FROM @orderwright_notes ORDER BY name", {})]


def test_what_is_put_there_is_found_as_it_was(store: SideStore) -> None:
    store.create_tables([NOTES])
    content = bytes(range(256))

    store.transact([(PUT, {"name": "a", "number": 2**40, "content": content})])

    (row,) = store.rows("SELECT * FROM @orderwright_notes WHERE number = :number", {"number": 2**40})
    assert (row["name"], bytes(row["content"])) == ("a", content)


def test_steps_are_taken_together_or_not_at_all(store: SideStore) -> None:
    store.create_tables([NOTES])
    one = (PUT, {"name": "a", "number": 1, "content": None})

    with pytest.raises(PersistenceError):
        store.transact([one, one])

    assert names(store) == []


def test_several_make_the_tables_at_once(settings: Settings, store: SideStore) -> None:
    with ThreadPoolExecutor(4) as several:
        list(several.map(lambda _: store.create_tables([NOTES]), range(4)))

    assert names(store) == []


def test_a_column_of_a_later_release_is_added(store: SideStore) -> None:
    store.create_tables([Table(NOTES.name, columns={"name": "TEXT"}, key=("name",))])

    store.create_tables([replace(NOTES, columns={**NOTES.columns, "number": "BIGINT"})])

    store.transact([(PUT, {"name": "a", "number": 1, "content": b""})])
    assert names(store) == ["a"]


@pytest.fixture
def on_postgresql(postgres_environment: Environment) -> Environment:
    return postgres_environment | {"PERSISTENCE_MODULE": PERSISTENCE["tuned"]}


def test_a_side_store_can_be_in_a_file_while_the_events_are_on_postgresql(
    on_postgresql: Environment, tmp_path: Path
) -> None:
    elsewhere = {
        "SEALS_PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "ORDERWRIGHT_DATA": str(tmp_path / "data"),
    }
    settings = Settings.from_environment(on_postgresql | elsewhere)

    store = open_side_store("Seals", settings)
    store.create_tables([NOTES])
    store.close()

    file = tmp_path / "data" / "Seals.sqlite"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size > 0


def test_a_side_store_can_be_in_another_database(
    postgres: PrivatePostgres, on_postgresql: Environment
) -> None:
    elsewhere = f"{on_postgresql['POSTGRES_DBNAME']}_aside"
    postgres.create_database(elsewhere)
    settings = Settings.from_environment(on_postgresql | {"SNAPSHOTS_POSTGRES_DBNAME": elsewhere})

    store = open_side_store("Snapshots", settings)
    store.create_tables([NOTES])
    store.close()

    with postgres.connected(elsewhere) as connection:
        assert connection.execute("SELECT count(*) FROM orderwright_notes").fetchone() == (0,)
    postgres.drop_database(elsewhere)


def test_a_misspelt_setting_of_a_side_store_is_told(on_postgresql: Environment) -> None:
    with pytest.raises(InvalidSettings, match="SEALS_POSTGRES_DBNAM: there is no such setting"):
        Settings.from_environment(on_postgresql | {"SEALS_POSTGRES_DBNAM": "elsewhere"})
