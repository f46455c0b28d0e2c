"""The settings: read from the environment once, checked as a whole, then frozen.

A wrong environment gives one error that names every mistake.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from system.settings import postgres_names, snapshots
from system.settings.encryption import encryption_mistakes
from system.snapshots.policy import EVERY, Policy

IN_MEMORY = "eventsourcing.popo"
SQLITE = "eventsourcing.sqlite"
POSTGRES = "eventsourcing.postgres"
TUNED_POSTGRES = "system.persistence.postgres"
ON_POSTGRES = (POSTGRES, TUNED_POSTGRES)

_OUR_PREFIX = "ORDERWRIGHT_"
_HOST_NAME = re.compile(r"\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


class InvalidSettings(Exception):
    """The environment cannot be used; the message lists every mistake."""


class Settings(BaseModel):
    """Everything that can be set, under the name of its environment variable."""

    model_config = ConfigDict(frozen=True)

    persistence_module: Literal[
        "eventsourcing.popo", "eventsourcing.sqlite", "eventsourcing.postgres", "system.persistence.postgres"
    ] = Field("eventsourcing.sqlite", alias="PERSISTENCE_MODULE", description="where events are kept")
    data: Path = Field(
        Path("var"),
        alias="ORDERWRIGHT_DATA",
        description="folder of the SQLite files and of the runners' locks",
    )
    poll_seconds: float = Field(
        0.1,
        alias="ORDERWRIGHT_POLL_SECONDS",
        gt=0,
        le=60,
        description="longest wait before a follower looks for new events without a wake-up",
    )
    page_size: int = Field(
        500,
        alias="ORDERWRIGHT_PAGE_SIZE",
        ge=1,
        le=10_000,
        description="events that a follower processes in one transaction",
    )
    gateway_latency_ms: float = Field(
        0,
        alias="ORDERWRIGHT_GATEWAY_LATENCY_MS",
        ge=0,
        le=60_000,
        description="how long the simulated payment provider takes to answer",
    )
    gateway_concurrency: int = Field(
        16,
        alias="ORDERWRIGHT_GATEWAY_CONCURRENCY",
        ge=1,
        le=256,
        description="calls to the payment provider at a time",
    )
    gateway_retry_seconds: float = Field(
        0.5,
        alias="ORDERWRIGHT_GATEWAY_RETRY_SECONDS",
        gt=0,
        le=3600,
        description="pause before the first retry of a call to the provider; doubles each time",
    )
    api_threads: int = Field(
        8, alias="ORDERWRIGHT_API_THREADS", ge=1, le=14, description="requests served at a time"
    )
    allowed_hosts: str = Field(
        "localhost",
        alias="ORDERWRIGHT_ALLOWED_HOSTS",
        description="names under which the API answers, separated by commas; * for any",
    )
    max_body_bytes: int = Field(
        1024 * 1024,
        alias="ORDERWRIGHT_MAX_BODY_BYTES",
        ge=1024,
        le=64 * 1024 * 1024,
        description="largest body of a request",
    )
    consistency_wait_seconds: float = Field(
        3.0,
        alias="ORDERWRIGHT_CONSISTENCY_WAIT_SECONDS",
        gt=0,
        le=60,
        description="longest wait of a query that carries a Consistency-Token",
    )
    park_newer_events: bool = Field(
        False,
        alias="ORDERWRIGHT_PARK_NEWER_EVENTS",
        description="start although the store has events of a newer release, and park each of them",
    )
    log_style: Literal["console", "json"] = Field(
        "console", alias="ORDERWRIGHT_LOG_STYLE", description="readable lines, or one JSON object a line"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="ORDERWRIGHT_LOG_LEVEL", description="lowest level of the lines that are logged"
    )
    snapshot_every: int = Field(
        EVERY,
        alias="ORDERWRIGHT_SNAPSHOT_EVERY",
        ge=0,
        le=snapshots.MOST,
        description="events of an aggregate after which its state is stored; 0 for never",
    )
    environment: Mapping[str, str] = Field(MappingProxyType({}), exclude=True, repr=False)

    @property
    def is_in_memory(self) -> bool:
        """Whether events are kept in the memory of one process, and end with it."""
        in_memory = self.environment.get("SQLITE_DBNAME") == ":memory:"
        return self.persistence_module == IN_MEMORY or (self.persistence_module == SQLITE and in_memory)

    @property
    def snapshot_policy(self) -> Policy:
        """How often a snapshot is taken of which kind of aggregate."""
        return snapshots.policy_of(self.snapshot_every, self.environment)

    @classmethod
    def variables(cls) -> dict[str, tuple[object, str]]:
        """Every variable with its default and what it is for."""
        return {
            field.alias: (field.default, field.description or "")
            for field in cls.model_fields.values()
            if field.alias is not None
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings that an environment stands for, or `InvalidSettings`."""
        known = cls.variables()
        given = {name: value for name, value in environment.items() if name in known and value != ""}
        mistakes = [
            f"{name}: there is no such setting"
            for name in sorted(environment)
            if name.startswith(_OUR_PREFIX) and name not in known and not name.startswith(snapshots.PREFIX)
        ]
        settings = None
        try:
            settings = cls.model_validate({**given, "environment": MappingProxyType(dict(environment))})
        except ValidationError as error:
            mistakes += [
                f"{problem['loc'][0]}: {problem['msg']} (got {problem['input']!r})"
                for problem in error.errors()
            ]
        module = given.get("PERSISTENCE_MODULE", SQLITE)
        mistakes += _persistence_mistakes(module, environment)
        mistakes += encryption_mistakes(environment, postgres_names.APPLICATIONS)
        mistakes += snapshots.snapshot_mistakes(environment)
        mistakes += _host_mistakes(given.get("ORDERWRIGHT_ALLOWED_HOSTS", ""))
        if mistakes or settings is None:
            raise InvalidSettings(
                "the settings cannot be used:\n" + "\n".join(f"  {line}" for line in mistakes)
            )
        return settings


def _host_mistakes(names: str) -> list[str]:
    wrong = [name for name in names.split(",") if names and not _HOST_NAME.fullmatch(name.strip())]
    return [
        f"ORDERWRIGHT_ALLOWED_HOSTS: name hosts without scheme and port, like shop.example.com (got {name!r})"
        for name in wrong
    ]


_OFF = ("", "n", "no", "f", "false", "off", "0")


def _persistence_mistakes(module: str, environment: Mapping[str, str]) -> list[str]:
    mistakes = []
    modules = {module, *_modules_of_some(environment)} & set(ON_POSTGRES)
    if module in ON_POSTGRES:
        mistakes += [
            f"{name}: is needed with PERSISTENCE_MODULE={module}{_not_the_image(name, environment)}"
            for name in ("POSTGRES_DBNAME", "POSTGRES_HOST", "POSTGRES_USER")
            if not any(key == name or key.endswith(f"_{name}") for key in environment)
        ]
    if modules:
        mistakes += postgres_names.mistakes_in(environment, is_tuned=modules == {TUNED_POSTGRES})
    mistakes += [
        f"{name}: loses events (they go to another application's table); leave it unset"
        for name, value in environment.items()
        if name.endswith("POSTGRES_ENABLE_DB_FUNCTIONS") and value.lower() not in _OFF
    ]
    if module == SQLITE and environment.get("SQLITE_DBNAME", ":memory:") != ":memory:":
        mistakes.append(
            "SQLITE_DBNAME: each application needs its own file; set their folder, ORDERWRIGHT_DATA"
        )
    return mistakes


def _modules_of_some(environment: Mapping[str, str]) -> list[str]:
    """The modules that are set for one application alone."""
    places = (*postgres_names.APPLICATIONS, *postgres_names.SIDE_STORES)
    return [environment.get(f"{name.upper()}_PERSISTENCE_MODULE", "") for name in places]


def _not_the_image(name: str, environment: Mapping[str, str]) -> str:
    is_confused = name == "POSTGRES_DBNAME" and "POSTGRES_DB" in environment
    return " (POSTGRES_DB is for the container image of PostgreSQL)" if is_confused else ""
