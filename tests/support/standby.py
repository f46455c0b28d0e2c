"""A physical standby of a private PostgreSQL: it receives every change before a commit is acknowledged."""

from collections.abc import Iterator
from contextlib import contextmanager

from system.bench.private_postgres import SUPERUSER, PrivatePostgres, find_binaries

from .waiting import wait_until

NAME = "standby1"


@contextmanager
def standby_of(primary: PrivatePostgres) -> Iterator[PrivatePostgres]:
    """A standby of a running server, in synchronous replication; `promote` makes it a server of its own."""
    with PrivatePostgres(fsync=True) as standby:
        standby.stop()
        standby.replace_data(
            [
                str(find_binaries() / "pg_basebackup"),
                f"--dbname=host={primary.folder} user={SUPERUSER} application_name={NAME}",
                "--pgdata={data}",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--wal-method=stream",
            ]
        )
        standby.start()
        with primary.connected("postgres") as connection:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'".encode())
            connection.execute("SELECT pg_reload_conf()")
            replicates = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            wait_until(lambda: connection.execute(replicates).fetchone(), what="the standby replicates")
        yield standby


def promote(standby: PrivatePostgres) -> None:
    """End its recovery: from here on it takes writes. It waits for no standby of its own."""
    with standby.connected("postgres") as connection:
        connection.execute("SELECT pg_promote()")
        in_recovery = "SELECT pg_is_in_recovery()"
        wait_until(lambda: connection.execute(in_recovery).fetchone() == (False,), what="it is promoted")
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("SELECT pg_reload_conf()")
