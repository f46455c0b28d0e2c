"""Migrations take turns by a lock that ends with its transaction, and nobody waits in silence or for ever."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from system.persistence.postgres import migrations, taking_turns
from system.persistence.postgres.migrations import MIGRATIONS
from system.persistence.postgres.steps import Target
from system.persistence.postgres.taking_turns import LOCK, StillLocked
from system.settings.environment import Settings
from system.stores import migration_targets
from tests.support.fixtures import Environment
from tests.support.postgres import PrivatePostgres
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture
def targets(postgres_environment: Environment) -> list[Target]:
    """An empty store."""
    tuned = {"PERSISTENCE_MODULE": "system.persistence.postgres"}
    return migration_targets(Settings.from_environment(postgres_environment | tuned))


@pytest.fixture
def somebody(
    postgres: PrivatePostgres, postgres_environment: Environment
) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Somebody else who is connected to it."""
    with postgres.connected(postgres_environment["POSTGRES_DBNAME"]) as connection:
        yield connection


@contextmanager
def waiting_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """Nobody has the time of a real operator here."""
    with monkeypatch.context() as patch:
        patch.setattr(taking_turns, "WAIT_SECONDS", seconds)
        patch.setattr(taking_turns, "TOLD_AFTER_SECONDS", 0.0)
        yield


def test_between_two_steps_nobody_holds_the_lock(
    targets: list[Target], somebody: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    held: list[object] = []
    locks = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
    migrations.migrate(targets, lambda _: held.extend(somebody.execute(locks).fetchall()))
    assert held == []


def test_a_lock_that_was_left_behind_is_told_with_who_holds_it(
    targets: list[Target],
    somebody: "psycopg.Connection[tuple[object, ...]]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    somebody.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    whom = f"process {somebody.info.backend_pid} of the server"
    said: list[str] = []
    with (
        waiting_seconds(monkeypatch, 0.5),
        pytest.raises(StillLocked, match=f"does nothing: {whom}.* Nothing was done here; end its session"),
    ):
        migrations.migrate(targets, waiting=said.append)
    assert len(said) == 1
    assert said[0].startswith(f"waiting for another migration: {whom}")
    assert somebody.execute("SELECT to_regclass('orderwright_schema')").fetchone() == (None,)


def test_a_migration_that_gets_on_is_waited_for(
    targets: list[Target],
    somebody: "psycopg.Connection[tuple[object, ...]]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work() -> None:
        with contextlib.suppress(psycopg.errors.QueryCanceled), somebody.transaction():
            somebody.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            is_at_work.set()
            somebody.execute("SELECT pg_sleep(600)")

    is_at_work, said = threading.Event(), list[str]()
    worker = threading.Thread(target=work)
    worker.start()
    is_at_work.wait(PATIENCE_SECONDS)
    wait_for_so_long = 0.5

    def tell(whom: str) -> None:
        said.append(whom)
        threading.Timer(3 * wait_for_so_long, somebody.cancel_safe).start()

    with waiting_seconds(monkeypatch, wait_for_so_long):
        applied = migrations.migrate(targets[:1], waiting=tell)
    worker.join()
    assert len(applied) == len(MIGRATIONS)
    assert len(said) == 1


def test_tables_that_others_use_are_not_waited_for_for_ever(
    targets: list[Target],
    somebody: "psycopg.Connection[tuple[object, ...]]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", MIGRATIONS[:1])
        migrations.migrate(targets[:1])
    in_use = f"in use for .* by process {somebody.info.backend_pid} of the server"
    with somebody.transaction(), waiting_seconds(monkeypatch, 0.5):
        somebody.execute("SELECT count(*) FROM orders_events")
        with pytest.raises(StillLocked, match=in_use):
            migrations.migrate(targets[:1])
