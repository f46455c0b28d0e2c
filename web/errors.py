"""The one table that says which error is which answer.

Every error is answered as ``application/problem+json`` (RFC 9457). `code` is stable: the code that
all its `errors` share, or ``malformed_request`` when a request is wrong in several ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from eventsourcing.persistence import (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from application.errors import Contradiction, DomainError, NotFound, UnreadableEvent, VersionConflict
from application.limits import shown
from application.queries import InvalidQuery
from application.views import to_json
from system.audit.job import AuditProgress
from system.persistence.agreement import LogDisagrees
from system.persistence.full_disk import is_full

RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request. `pointer` is a JSON pointer to it: into the body,
    or ``/name`` of the query parameter or header."""

    pointer: str
    code: str
    detail: str


class MalformedRequest(Exception):
    """A request that cannot be understood, or has values beyond the stated limits."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0].detail)
        self.faults = faults


class ReadModelBehind(Exception):
    """The read model did not see the write of the Consistency-Token in time, or too many wait already."""


class HostNotAllowed(Exception):
    """The request was sent to a name that is none of this service's."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"this service does not answer under the name {shown(name)}; if it should, its operator adds "
            "the name to ORDERWRIGHT_ALLOWED_HOSTS"
        )


class Busy(Exception):
    """As much of that is being done here as may be done at a time."""


class AuditUnderWay(Exception):
    """The audit is not over yet."""

    def __init__(self, progress: AuditProgress) -> None:
        super().__init__(f"{progress.stage}: {progress.done} of {progress.whole}")
        self.progress = progress


@dataclass(frozen=True)
class Problem:
    """An answer that says what went wrong. `members` are extension members of the problem."""

    status: int
    code: str
    detail: str
    errors: Sequence[Fault] = ()
    members: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The meaning of the status, the same for every problem that has it."""
        return HTTPStatus(self.status).phrase


_DOMAIN: tuple[tuple[type[DomainError], int], ...] = (
    (UnreadableEvent, 409),
    (VersionConflict, 412),
    (Contradiction, 409),
    (NotFound, 404),
    (InvalidQuery, 400),
    (DomainError, 422),
)

_STORE_FAULTS = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError)

STORE_CODES = frozenset({"store_unavailable", "store_full"})
"""Answers that say that the store takes no commands."""

VALUE_CODES = frozenset({"invalid_length", "invalid_text", "invalid_amount"})
"""Faults of a value that can be read but is not accepted (422); every other fault is a 400."""

_HTTP = {
    400: ("bad_request", "the request cannot be understood"),
    404: ("unknown_route", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take that method; Allow names those it takes"),
    406: ("not_acceptable", "answers are application/json, which the Accept header does not allow"),
    408: ("request_timeout", "the request took too long to arrive"),
    413: ("body_too_large", "the body is larger than this service takes"),
    414: ("uri_too_long", "the first line of the request is too long"),
    415: ("unsupported_media_type", "a body must be application/json, in UTF-8 and not compressed"),
    417: ("expectation_failed", "the only expectation that this service meets is 100-continue"),
    431: ("headers_too_large", "the headers of the request are too many or too long"),
}

_INTERNAL = "this service has a fault; its log has the details, under the id in X-Request-Id"


def problem_of(error: Exception) -> Problem:
    """The answer to an error. Nothing about the inside is told of an error that is not in the table."""
    if isinstance(error, DomainError):
        return _of_domain(error)
    if isinstance(error, MalformedRequest):
        return _of_request(error)
    if isinstance(error, HostNotAllowed):
        return Problem(421, "host_not_allowed", str(error))
    if isinstance(error, ReadModelBehind):
        return _try_again("read_model_behind", "the read model has not seen that write yet; ask again")
    if isinstance(error, LogDisagrees):
        return _try_again(
            "log_disagrees",
            "the log in which this would be recorded lacks events that its followers have read, so it takes "
            "none until an operator has realigned the store; then send the command again under the same key",
        )
    if isinstance(error, Busy):
        return _try_again("busy", "other requests that read much of the store are under way; ask again")
    if isinstance(error, AuditUnderWay):
        return _under_way(error.progress)
    if isinstance(error, _STORE_FAULTS) and is_full(error):
        return _try_again(
            "store_full",
            "the disk of the store is full; when its operator has made room, send the command again under "
            "the same Idempotency-Key",
        )
    if isinstance(error, _STORE_FAULTS):
        return _try_again(
            "store_unavailable",
            "the store does not answer; send a command again under the same Idempotency-Key",
        )
    if isinstance(error, HTTPException) and error.code in _HTTP:
        code, detail = _HTTP[error.code]
        methods = error.valid_methods if isinstance(error, MethodNotAllowed) else None
        return Problem(
            error.code, code, detail, headers={"Allow": ", ".join(sorted(methods))} if methods else {}
        )
    return Problem(500, "internal_error", _INTERNAL)


def problem_of_status(status: int, detail: str | None = None) -> Problem:
    """The answer to a request that was refused as such, before anything looked at what it asks for."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _try_again("server_busy", "too much is under way at once; send the request again")
    code, usual = _HTTP.get(status, ("internal_error", _INTERNAL))
    return Problem(status, code, detail or usual)


def _of_domain(error: DomainError) -> Problem:
    status = next(status for kind, status in _DOMAIN if isinstance(error, kind))
    errors = [Fault(error.field, error.code, error.message)] if error.field is not None else []
    members: dict[str, object] = {}
    if isinstance(error, VersionConflict):
        members = {"expected_version": error.expected, "current_version": error.current}
    if isinstance(error, UnreadableEvent):
        members = {
            "application": error.application,
            "stream_id": str(error.stream_id),
            "stream_version": error.version,
            "position": error.position,
        }
    return Problem(status, error.code, error.message, errors, members)


def _of_request(error: MalformedRequest) -> Problem:
    codes = {fault.code for fault in error.faults}
    status = 422 if codes <= VALUE_CODES else 400
    if len(error.faults) == 1:
        detail = error.faults[0].detail
    else:
        detail = f"{len(error.faults)} things are wrong with the request"
    return Problem(status, codes.pop() if len(codes) == 1 else "malformed_request", detail, error.faults)


def _under_way(progress: AuditProgress) -> Problem:
    return Problem(
        503,
        "audit_under_way",
        "the audit is under way; ask again for its report",
        members=to_json(progress),
        headers={"Retry-After": str(progress.retry_seconds)},
    )


def _try_again(code: str, detail: str) -> Problem:
    return Problem(503, code, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
