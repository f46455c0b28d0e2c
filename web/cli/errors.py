"""Which error is which line and exit code: the command line's side of `web.errors`."""

from dataclasses import asdict, dataclass
from typing import Any

import click
import structlog
from eventsourcing.persistence import PersistenceError

from application.errors import DomainError
from application.queries import InvalidQuery
from system.imports.order_files import UnreadableFile
from system.persistence.agreement import LogDisagrees
from system.persistence.full_disk import is_full, is_of_a_full_disk
from system.persistence.postgres.suitable import TakesNoWrites, UnsuitableDatabase
from system.settings.environment import InvalidSettings
from web.errors import Fault, problem_of

REFUSED, USAGE, NO_STORE, FAULT, NO_OUTPUT, INTERRUPTED = 1, 2, 3, 70, 74, 130

log = structlog.get_logger()


class UnusableFile(Exception):
    """A file that was named cannot be read or written."""


class UnwritableOutput(OSError):
    """Standard output, or a file that a command was writing, takes no more."""

    def __init__(self, what: str, error: OSError) -> None:
        super().__init__(f"{what} cannot be written: {why(error)}; what was recorded is kept")


@dataclass(frozen=True)
class Failure:
    """What a command ends with when it cannot do what it was asked."""

    exit_code: int
    code: str
    detail: str
    errors: tuple[Fault, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the HTTP API names these fields."""
        return {"code": self.code, "detail": self.detail, "errors": [asdict(fault) for fault in self.errors]}


def failure_of(error: Exception) -> Failure:
    """How a command that ended with this error ends. Nothing of the inside is told."""
    if isinstance(error, click.ClickException):
        return Failure(USAGE, "usage", error.format_message())
    if isinstance(error, click.Abort):
        return Failure(INTERRUPTED, "interrupted", "interrupted")
    if isinstance(error, InvalidSettings):
        return Failure(USAGE, "invalid_settings", str(error))
    if isinstance(error, UnreadableFile | UnusableFile):
        return Failure(USAGE, "unusable_file", str(error))
    if isinstance(error, UnwritableOutput):
        return Failure(NO_OUTPUT, "unwritable_output", str(error))
    if isinstance(error, DomainError):
        problem = problem_of(error)
        code = USAGE if isinstance(error, InvalidQuery) else REFUSED
        return Failure(code, problem.code, problem.detail, tuple(problem.errors))
    if isinstance(error, LogDisagrees):
        problem = problem_of(error)
        return Failure(NO_STORE, problem.code, f"{problem.detail}; see `orderwright store realign`")
    if is_full(error):
        told = f"the disk of the store is full, make room on it: {_first_line(error)}"
        return Failure(NO_STORE, "store_full", told)
    if isinstance(error, UnsuitableDatabase | TakesNoWrites):
        faults = str(error).splitlines()
        told = "".join(f"\n  {fault}" for fault in faults) if len(faults) > 1 else f" {error}"
        return Failure(NO_STORE, "store_unavailable", f"the store cannot be used:{told}")
    if isinstance(error, PersistenceError):
        return Failure(NO_STORE, "store_unavailable", f"the store cannot be used: {_first_line(error)}")
    if isinstance(error, OSError):
        return Failure(NO_STORE, "store_unavailable", f"the store cannot be opened: {error}")
    log.debug("the command failed", exc_info=error)
    return Failure(FAULT, "internal_error", f"a fault in the program: {type(error).__name__}: {error}")


def why(error: OSError) -> str:
    """Why a file cannot be read or written, in words."""
    return "the disk is full" if is_of_a_full_disk(error) else error.strerror or str(error)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
