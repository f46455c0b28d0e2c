"""Makes the tuned recorders from an application's environment."""

from typing import Any

from eventsourcing.persistence import ProcessRecorder, TrackingRecorder
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment, EnvType

from .pool import Datastore, Pool
from .recorder import TunedRecorder
from .sessions import RELIED_ON

BROKEN_IS_CLOSED_AFTER_MS = 5000
"""A connection on which sent data is not acknowledged for so long is given up by the system."""

TLS = {
    "POSTGRES_SSLMODE": "sslmode",
    "POSTGRES_SSLROOTCERT": "sslrootcert",
    "POSTGRES_SSLCERT": "sslcert",
    "POSTGRES_SSLKEY": "sslkey",
    "POSTGRES_SSLPASSWORD": "sslpassword",
    "POSTGRES_SSLCRL": "sslcrl",
    "POSTGRES_SSL_MIN_PROTOCOL_VERSION": "ssl_min_protocol_version",
    "POSTGRES_CHANNEL_BINDING": "channel_binding",
}
"""What protects a connection, and PostgreSQL's own name for it."""

PROBES = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}
"""A connection over which nothing came for five seconds is asked by the system whether it still is one,
and given up four seconds later."""


class TunedFactory(PostgresFactory):
    """The library's factory with our pool and our recorder. It makes no tables: see `migrations`."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        # Not the library's: it would open a pool for each application.
        self.env = env if isinstance(env, Environment) else Environment(env=env)
        self._is_entered = False
        pool = Pool.open(
            connection_parameters(self.env), pool_sizes(self.env), statement_timeout_of(self.env)
        )
        self._datastore = self.datastore = Datastore(pool, schema_of(self.env))

    def process_recorder(self) -> ProcessRecorder:
        """The tuned recorder."""
        prefix = self.env.name.lower()
        return TunedRecorder(
            self._datastore, events_table_name=f"{prefix}_events", tracking_table_name=f"{prefix}_tracking"
        )

    def application_recorder(self) -> Any:
        """The tuned recorder; an application that follows nobody leaves its tracking table empty."""
        return self.process_recorder()

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> Any:
        """Not needed here: every follower of ours records events or rows as well."""
        raise NotImplementedError(TrackingRecorder)


def schema_of(env: Environment) -> str:
    """The schema that an application's tables are in."""
    return env.get("POSTGRES_SCHEMA") or "public"


def statement_timeout_of(env: Environment) -> int:
    """How many seconds the server lets a statement take; 0 is for ever."""
    return int(env.get("POSTGRES_STATEMENT_TIMEOUT") or 0)


def pool_sizes(env: Environment) -> tuple[int, int]:
    """How many connections a pool keeps open, and how many it opens at most."""
    smallest = int(env.get("POSTGRES_POOL_SIZE") or 1)
    return smallest, smallest + int(env.get("POSTGRES_MAX_OVERFLOW") or 0)


def connection_parameters(env: Environment) -> dict[str, Any]:
    """What connects to an application's database, for every connection there is. One that is broken is
    found out within ten seconds, and no statement waits long for a lock."""
    get = env.get
    milliseconds = {
        "lock_timeout": 1000 * int(get("POSTGRES_LOCK_TIMEOUT") or 0),
        "statement_timeout": 1000 * statement_timeout_of(env),
        "idle_in_transaction_session_timeout": 1000
        * int(get("POSTGRES_IDLE_IN_TRANSACTION_SESSION_TIMEOUT") or 0),
    }
    return {
        "dbname": get("POSTGRES_DBNAME"),
        "host": get("POSTGRES_HOST"),
        "port": get("POSTGRES_PORT") or "5432",
        "user": get("POSTGRES_USER"),
        "password": get("POSTGRES_PASSWORD") or None,
        **{name: value for variable, name in TLS.items() if (value := get(variable))},
        "connect_timeout": int(get("POSTGRES_CONNECT_TIMEOUT") or 2),
        "tcp_user_timeout": BROKEN_IS_CLOSED_AFTER_MS,
        **PROBES,
        "application_name": "orderwright",
        "client_encoding": "UTF8",
        "options": "",  # neither those of the environment (PGOPTIONS), nor any: poolers take none
        "session": (*RELIED_ON, *((name, str(value)) for name, value in milliseconds.items())),
    }
