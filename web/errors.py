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

from application.errors import Contradiction, DomainError, NotFound, VersionConflict
from application.queries import InvalidQuery

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
    """The read model did not see the write of the Consistency-Token in time."""


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
    (VersionConflict, 412),
    (Contradiction, 409),
    (NotFound, 404),
    (InvalidQuery, 400),
    (DomainError, 422),
)

_STORE_FAULTS = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError)

VALUE_CODES = frozenset({"invalid_length", "invalid_text", "invalid_amount"})
"""Faults of a value that can be read but is not accepted (422); every other fault is a 400."""

_HTTP = {
    400: ("bad_request", "the request cannot be understood"),
    404: ("unknown_route", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take that method; Allow names those it takes"),
    406: ("not_acceptable", "answers are application/json; the Accept header excludes that"),
    408: ("request_timeout", "the request took too long to arrive"),
    413: ("body_too_large", "the body is larger than this service takes"),
    414: ("uri_too_long", "the first line of the request is too long"),
    415: ("unsupported_media_type", "a body is application/json, in UTF-8 and not encoded otherwise"),
    417: ("expectation_failed", "the only expectation that is met is 100-continue"),
    431: ("headers_too_large", "the headers of the request are too many or too long"),
}

_INTERNAL = "something went wrong here; the request id leads to the log"


def problem_of(error: Exception) -> Problem:
    """The answer to an error. Nothing about the inside is told of an error that is not in the table."""
    if isinstance(error, DomainError):
        return _of_domain(error)
    if isinstance(error, MalformedRequest):
        return _of_request(error)
    if isinstance(error, ReadModelBehind):
        return _try_again("read_model_behind", "the read model has not seen that write yet; ask again")
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
    return Problem(status, error.code, error.message, errors, members)


def _of_request(error: MalformedRequest) -> Problem:
    codes = {fault.code for fault in error.faults}
    status = 422 if codes <= VALUE_CODES else 400
    if len(error.faults) == 1:
        detail = error.faults[0].detail
    else:
        detail = f"{len(error.faults)} things are wrong with the request"
    return Problem(status, codes.pop() if len(codes) == 1 else "malformed_request", detail, error.faults)


def _try_again(code: str, detail: str) -> Problem:
    return Problem(503, code, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
