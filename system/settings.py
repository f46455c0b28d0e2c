"""The settings: read from the environment once, checked as a whole, then frozen.

A wrong environment gives one error that names every mistake.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

IN_MEMORY = "eventsourcing.popo"
SQLITE = "eventsourcing.sqlite"
POSTGRES = "eventsourcing.postgres"

_OUR_PREFIX = "ORDERWRIGHT_"


class InvalidSettings(Exception):
    """The environment cannot be used; the message lists every mistake."""


class Settings(BaseModel):
    """Everything that can be set, under the name of its environment variable."""

    model_config = ConfigDict(frozen=True)

    persistence_module: Annotated[Literal["eventsourcing.popo", "eventsourcing.sqlite", "eventsourcing.postgres"],
        Field(alias="PERSISTENCE_MODULE", description="where events are kept")] = SQLITE
    data: Annotated[Path,
        Field(alias="ORDERWRIGHT_DATA", description="folder of the SQLite files and the runner's lock")] = Path("var")
    poll_seconds: Annotated[float,
        Field(alias="ORDERWRIGHT_POLL_SECONDS", gt=0, le=60, description="longest wait before a follower looks for news")] = 0.1
    page_size: Annotated[int,
        Field(alias="ORDERWRIGHT_PAGE_SIZE", ge=1, le=10_000, description="events a follower processes in one transaction")] = 500
    gateway_latency_ms: Annotated[float,
        Field(alias="ORDERWRIGHT_GATEWAY_LATENCY_MS", ge=0, le=60_000, description="how long the simulated provider takes")] = 0
    gateway_concurrency: Annotated[int,
        Field(alias="ORDERWRIGHT_GATEWAY_CONCURRENCY", ge=1, le=256, description="calls to the provider at a time")] = 16
    gateway_retry_seconds: Annotated[float,
        Field(alias="ORDERWRIGHT_GATEWAY_RETRY_SECONDS", gt=0, le=3600, description="pause before the first retry of a call; doubles each time")] = 0.5
    api_threads: Annotated[int,
        Field(alias="ORDERWRIGHT_API_THREADS", ge=1, le=14, description="requests served at a time")] = 8
    max_body_bytes: Annotated[int,
        Field(alias="ORDERWRIGHT_MAX_BODY_BYTES", ge=1024, le=64 * 1024 * 1024, description="largest request body")] = 1024 * 1024
    consistency_wait_seconds: Annotated[float,
        Field(alias="ORDERWRIGHT_CONSISTENCY_WAIT_SECONDS", gt=0, le=60, description="longest wait of a query that carries a Consistency-Token")] = 3.0
    log_style: Annotated[Literal["console", "json"],
        Field(alias="ORDERWRIGHT_LOG_STYLE", description="readable lines or one JSON object a line")] = "console"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(alias="ORDERWRIGHT_LOG_LEVEL", description="what is worth a log line")] = "INFO"
    environment: Annotated[Mapping[str, str], Field(exclude=True, repr=False)] = MappingProxyType({})

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
            if name.startswith(_OUR_PREFIX) and name not in known
        ]
        settings = None
        try:
            settings = cls.model_validate({**given, "environment": MappingProxyType(dict(environment))})
        except ValidationError as error:
            mistakes += [f"{problem['loc'][0]}: {problem['msg']} (got {problem['input']!r})" for problem in error.errors()]
        module = given.get("PERSISTENCE_MODULE", SQLITE)
        mistakes += _persistence_mistakes(module, environment)
        if mistakes or settings is None:
            raise InvalidSettings("the settings cannot be used:\n" + "\n".join(f"  {line}" for line in mistakes))
        return settings


def _persistence_mistakes(module: str, environment: Mapping[str, str]) -> list[str]:
    mistakes = []
    if module == POSTGRES:
        for name in ("POSTGRES_DBNAME", "POSTGRES_HOST", "POSTGRES_USER"):
            if not any(key == name or key.endswith(f"_{name}") for key in environment):
                mistakes.append(f"{name}: is needed with PERSISTENCE_MODULE={POSTGRES}")
    for name in environment:
        if name.endswith("POSTGRES_ENABLE_DB_FUNCTIONS") and environment[name].lower() not in ("", "n", "no", "f", "false", "off", "0"):
            mistakes.append(f"{name}: loses events (they go to another application's table); leave it unset")
    if module == SQLITE and environment.get("SQLITE_DBNAME", ":memory:") != ":memory:":
        mistakes.append("SQLITE_DBNAME: each application needs a file of its own; set the folder with ORDERWRIGHT_DATA")
    return mistakes
