"""The names of settings for PostgreSQL: who reads them, and which are mistakes."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from system.definition import orderwright
from system.persistence.postgres.factory import TLS

APPLICATIONS = tuple(orderwright.nodes)
"""Their names in capitals stand before what is set for one of them alone."""

SIDE_STORES = ("Snapshots", "Seals", "Catalogue")
"""What is kept apart from events and read models; set for one of them alone in the same way."""

_PLACES = (*APPLICATIONS, *SIDE_STORES)

NUMBERS = tuple(
    f"POSTGRES_{name}"
    for name in (
        "PORT", "CONNECT_TIMEOUT", "LOCK_TIMEOUT", "STATEMENT_TIMEOUT",
        "IDLE_IN_TRANSACTION_SESSION_TIMEOUT", "POOL_SIZE", "MAX_OVERFLOW",
    )
)  # fmt: skip

READ = frozenset(
    (
        "POSTGRES_DBNAME",
        "POSTGRES_HOST",
        "POSTGRES_USER",
        "POSTGRES_PASSWORD",
        "POSTGRES_SCHEMA",
        *NUMBERS,
        *TLS,
    )
)
"""What both modules read."""

READ_BY_THE_LIBRARY = frozenset(("POSTGRES_PRE_PING", "POSTGRES_CONN_MAX_AGE", "POSTGRES_MAX_WAITING"))
"""What `eventsourcing.postgres` reads alone: its pools."""

_REFUSED = {
    "POSTGRES_ENABLE_DB_FUNCTIONS": "",  # refused where it is switched on, whichever store there is
    "POSTGRES_GET_PASSWORD_TOPIC": "only the library's pool would ask for that password, and no other "
    "connection; set POSTGRES_PASSWORD",
}

_IMAGE = re.compile(
    r"POSTGRES_(DB|INITDB_ARGS|INITDB_WALDIR|HOST_AUTH_METHOD|(DB|USER|PASSWORD|INITDB_ARGS)_FILE)"
)
"""What the container image of PostgreSQL reads, often out of the same file of variables."""

_LINKS = re.compile(r"POSTGRES_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?|NAME|ENV_\w+)")
"""What Kubernetes and Docker set by themselves beside a service that is called postgres."""

_OURS = re.compile(rf"(?:({'|'.join(name.upper() for name in _PLACES)})_)?(POSTGRES_\w+)")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES = ("POSTGRES_SSLROOTCERT", "POSTGRES_SSLCERT", "POSTGRES_SSLKEY", "POSTGRES_SSLCRL")


def is_foreign(name: str) -> bool:
    """Whether a name is one that others than this system set and read."""
    return bool(_IMAGE.fullmatch(name) or _LINKS.fullmatch(name))


def who_reads(name: str) -> str | None:
    """Who reads a name that looks like one for PostgreSQL, in words; None for other names."""
    if "POSTGRES_" not in name:
        return None
    if is_foreign(name):
        return "read by other programs, not by orderwright"
    ours = _OURS.fullmatch(name)
    if ours and ours[2] in READ | READ_BY_THE_LIBRARY:
        return "read by the event store, when that is PostgreSQL"
    return "not read by orderwright"


def mistakes_in(environment: Mapping[str, str], *, is_tuned: bool) -> Iterator[str]:
    """What is wrong with the settings for PostgreSQL of an environment, a line each. `is_tuned` is whether
    only the tuned module reads them."""
    for name in sorted(environment):
        ours = _OURS.fullmatch(name)
        if ours and not is_foreign(name):
            yield from _mistakes_of_name(name, ours[2], is_tuned)
            yield from _mistakes_of_value(name, ours[2], environment[name])
    for application in ("", *(f"{name.upper()}_" for name in _PLACES)):
        yield from _plain_in_secret(application, environment)
    if environment.get("POSTGRES_PASSWORD_FILE") and not environment.get("POSTGRES_PASSWORD"):
        yield (
            "POSTGRES_PASSWORD_FILE: is read by the container image of PostgreSQL and not here; "
            "set POSTGRES_PASSWORD"
        )


def _mistakes_of_name(name: str, plain: str, is_tuned: bool) -> Iterator[str]:
    if plain in _REFUSED:
        if _REFUSED[plain]:
            yield f"{name}: {_REFUSED[plain]}"
    elif plain in READ_BY_THE_LIBRARY:
        if is_tuned:
            yield f"{name}: is read with PERSISTENCE_MODULE=eventsourcing.postgres alone; leave it unset"
    elif plain not in READ:
        yield f"{name}: there is no such setting{_instead(name, plain)}"


def _instead(name: str, plain: str) -> str:
    near = get_close_matches(plain, sorted(READ), n=1)
    return f"; is {name.removesuffix(plain)}{near[0]} meant?" if near else ""


def _mistakes_of_value(name: str, plain: str, value: str) -> Iterator[str]:
    if not value:
        return
    if plain in NUMBERS and not (value.isascii() and value.isdigit()):
        why = f"{name}: must be a whole number (got {value!r})"
        is_link = plain == "POSTGRES_PORT" and "://" in value
        yield why + ("; Kubernetes sets it for a service called postgres: set it yourself" if is_link else "")
    if plain == "POSTGRES_SSLMODE" and value not in _MODES:
        yield f"{name}: must be one of {', '.join(_MODES)} (got {value!r})"
    if plain in _FILES and not (plain == "POSTGRES_SSLROOTCERT" and value == "system"):
        yield from _unreadable(name, value)


def _unreadable(name: str, path: str) -> Iterator[str]:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        yield f"{name}: the file {path} cannot be read: {error.strerror}"


def _plain_in_secret(application: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Who sets something for TLS and gets a connection that is plain, or whose other end nobody has
    looked at, has to be told."""

    def get(name: str) -> str:
        return environment.get(f"{application}{name}") or environment.get(name) or ""

    def is_set(names: Collection[str]) -> bool:
        return any(environment.get(f"{application}{name}") for name in names)

    mode = get("POSTGRES_SSLMODE") or environment.get("PGSSLMODE", "")
    is_asked_for = mode in ("require", "verify-ca", "verify-full")
    if is_asked_for and get("POSTGRES_HOST").startswith(("/", "@")):
        if is_set(("POSTGRES_SSLMODE", "POSTGRES_HOST")):
            host = get("POSTGRES_HOST")
            yield f"{application}POSTGRES_SSLMODE: there is no TLS over a unix socket ({host})"
    elif not is_asked_for and is_set(("POSTGRES_SSLROOTCERT", "POSTGRES_SSLCRL")):
        yield (
            f"{application}POSTGRES_SSLROOTCERT: is looked at only when POSTGRES_SSLMODE is require, "
            f"verify-ca or verify-full (it is {mode or 'not set'})"
        )
