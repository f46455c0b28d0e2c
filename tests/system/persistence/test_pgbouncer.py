"""Behind a real PgBouncer: sessions work, transactions are refused.

``ORDERWRIGHT_TEST_PGBOUNCER=/usr/sbin/pgbouncer`` names the program; without it nothing of this is run, and
`test_databases_as_they_are` has a small pooler of its own.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from system.bootstrap import build
from system.persistence.postgres import migrations
from system.persistence.postgres.suitable import UnsuitableDatabase
from system.settings.environment import Settings
from system.stores import migration_targets
from tests.support.fixtures import PERSISTENCE, Environment, OpenWay
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import UnderOurRunner

PROGRAM = os.environ.get("ORDERWRIGHT_TEST_PGBOUNCER", "")

pytestmark = pytest.mark.skipif(not PROGRAM, reason="ORDERWRIGHT_TEST_PGBOUNCER names no program")


@contextmanager
def pgbouncer(server: PrivatePostgres, dbname: str, mode: str) -> Iterator[Environment]:
    """The environment of a database behind a PgBouncer of this mode."""
    folder = server.folder / f"bouncer-{dbname}"
    folder.mkdir()
    owner = server.folder.stat()
    environment = server.environment(dbname)
    user = environment["POSTGRES_USER"]
    (folder / "users").write_text(f'"{user}" ""\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host={server.folder} port={environment['POSTGRES_PORT']}\n[pgbouncer]\n"
        f"listen_addr =\nlisten_port = 5432\nunix_socket_dir = {folder}\nauth_type = trust\n"
        f"auth_file = {folder / 'users'}\npool_mode = {mode}\ndefault_pool_size = 50\n"
    )
    os.chown(folder, owner.st_uid, owner.st_gid)
    rights = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    process = subprocess.Popen(
        [PROGRAM, "-q", str(folder / "ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **rights,  # type: ignore[call-overload]  # only root may say whose process it is
    )
    try:
        wait_until(lambda: _answers(str(folder), user, dbname), what="PgBouncer answers")
        yield environment | {"POSTGRES_HOST": str(folder)}
    finally:
        process.kill()
        process.wait()


def _answers(host: str, user: str, dbname: str) -> bool:
    try:
        psycopg.connect(host=host, user=user, dbname=dbname).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize("module", ["postgres", "tuned"])
def test_with_sessions_it_works_as_without(
    postgres: PrivatePostgres, postgres_environment: Environment, open_way: OpenWay, module: str
) -> None:
    with pgbouncer(postgres, postgres_environment["POSTGRES_DBNAME"], "session") as environment:
        environment |= {"PERSISTENCE_MODULE": PERSISTENCE[module]}
        migrations.migrate(migration_targets(Settings.from_environment(environment)))
        migrations.migrate(migration_targets(Settings.from_environment(environment)))
        way = open_way(UnderOurRunner, environment)
        shop = Shop(way)
        shop.receive("CD-X1", 5)
        order = shop.order("CD-X1")
        shop.settle()
        assert shop.status(order) == "CONFIRMED"
        leases = shop.orderwright.leases()
        assert leases.renew(()) == leases.wanted
        leases.release()
        recorder = shop.orderwright.orders.recorder
        with recorder.datastore.get_connection() as connection:  # type: ignore[attr-defined]  # both have one
            row = connection.execute("SELECT current_setting('statement_timeout') AS value").fetchone()
            assert (row["value"] if isinstance(row, dict) else row[0]) == "30s"
        way.close()


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_without_sessions_it_is_refused(
    postgres: PrivatePostgres, postgres_environment: Environment, mode: str
) -> None:
    with pgbouncer(postgres, postgres_environment["POSTGRES_DBNAME"], mode) as environment:
        environment |= {"PERSISTENCE_MODULE": PERSISTENCE["postgres"]}
        with pytest.raises(UnsuitableDatabase, match="set pool_mode = session"):
            build(Settings.from_environment(environment))
