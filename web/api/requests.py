"""What a view asks of its request: who, which command, which body, which parameters."""

import re
from typing import TypeVar, cast
from uuid import UUID, uuid4

from flask import current_app, request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from application.base import CommandContext
from application.errors import DomainError
from application.inventory import ProductNotFound
from application.limits import MAX_USER, check_name
from application.orders import OrderNotFound
from system.bootstrap import Orderwright
from system.followers.projection import Projection
from system.queries.consistency import check_written, parse_token, wait_until_level, wait_until_seen
from system.runner.service import RunnerService
from web.errors import VALUE_CODES, Fault, MalformedRequest, ReadModelBehind

from .body import parse_json, pointer
from .limits import MAX_ERRORS, MAX_IDEMPOTENCY_KEY
from .models import Model, NoParameters
from .waiting import waiting

EXTENSION = "orderwright"
RUNNER_SERVICE = "runner_service"
SHORT_WAIT_SECONDS = 0.5
"""How long one stock item or payment waits for its read model, so that a reader right after a
write normally sees it without a token."""

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Projection)

_KEY = re.compile(f"[\x20-\x7e]{{1,{MAX_IDEMPOTENCY_KEY}}}")
_VERSION = re.compile(r'([0-9]{1,15})|"([0-9]{1,15})"')
_CODES = {"extra_forbidden": "unknown_field", "missing": "missing_field"}


def orderwright() -> Orderwright:
    """The system that this app serves."""
    return cast(Orderwright, current_app.extensions[EXTENSION])


def runner_service() -> RunnerService | None:
    """The service that runs followers in this process, if any does."""
    return cast(RunnerService | None, current_app.extensions[RUNNER_SERVICE])


def body(model: type[M]) -> M:
    """The request's body. Raises `MalformedRequest`, or what stands for 413 and 415.

    What has a body has no parameters: a key that was sent as one would be believed to hold.
    """
    parameters(NoParameters)
    if request.mimetype != "application/json" or request.headers.get("Content-Encoding"):
        raise UnsupportedMediaType
    try:
        return model.model_validate(parse_json(_data()))
    except ValidationError as error:
        raise MalformedRequest(*(_body_fault(problem) for problem in _problems(error))) from None


def parameters(model: type[M]) -> M:
    """The request's query parameters. Raises `MalformedRequest`."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise MalformedRequest(
            *(Fault(pointer(name), "invalid_query", "this parameter may be given once") for name in repeated)
        )
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise MalformedRequest(*(_query_fault(problem) for problem in _problems(error))) from None


def idempotency_key() -> str | None:
    """The key under which the command may be sent again, if there is one."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise _bad_header("Idempotency-Key", f"1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters")
    return key


def command_context() -> CommandContext:
    """Who commands, when, under which id."""
    key = idempotency_key()
    return CommandContext(
        key or str(uuid4()), orderwright().clock(), _user(), can_be_a_repeat=key is not None
    )


def expected_version() -> int | None:
    """The version that the caller decided on, if the request says so."""
    text = request.headers.get("If-Match")
    if text is None or text.strip() == "*":
        return None
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        raise _bad_header("If-Match", "one version number, with or without quotes")
    return int(found[1] or found[2])


def order_id_in(text: str) -> UUID:
    """The order id in an address. Raises `OrderNotFound` for a text that is not a UUID: no order has it."""
    try:
        order_id = UUID(text)
    except ValueError:
        order_id = None
    if order_id is None or str(order_id) != text.lower():
        raise OrderNotFound(f"there is no order {text!r}")
    return order_id


def sku_in(text: str) -> str:
    """The SKU in an address. Raises `ProductNotFound` for a text that a store could not look up."""
    if not text.isprintable():
        raise ProductNotFound(f"product {text!r} was never received")
    return text


def seen(read_model: P) -> P:
    """The read model, once it has seen the write of the request's Consistency-Token.

    Raises `ReadModelBehind` when it has not within ``ORDERWRIGHT_CONSISTENCY_WAIT_SECONDS``, and at
    once when half of the threads wait already.
    """
    text = request.headers.get("Consistency-Token")
    if text is not None:
        token = check_written(orderwright(), parse_token(text))
        if not wait_until_seen(read_model, token, 0):
            with waiting().place() as has_place:
                seconds = orderwright().settings.consistency_wait_seconds if has_place else 0
                if not wait_until_seen(read_model, token, seconds):
                    raise ReadModelBehind
    return read_model


def fresh(read_model: P) -> P:
    """The read model, once it has seen the token's write, or else, at best, all there is."""
    if "Consistency-Token" not in request.headers:
        with waiting().place() as has_place:
            wait_until_level(orderwright(), read_model, SHORT_WAIT_SECONDS if has_place else 0)
    return seen(read_model)


def _data() -> bytes:
    """The body's bytes. One that comes in chunks is cut off at the limit without a word by the
    stream, so whether there is more of it is asked here."""
    data = request.get_data(cache=False)
    is_chunked = request.content_length is None
    if is_chunked and len(data) == request.max_content_length and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    return data


def _user() -> str | None:
    """A server hands over the bytes of a header as Latin-1; people's names are sent in UTF-8."""
    text = request.headers.get("X-User")
    if text is None:
        return None
    meaning = f"1 to {MAX_USER} characters in UTF-8, none of them invisible"
    try:
        return check_name(text.encode("latin-1").decode(), MAX_USER)
    except UnicodeError:
        raise _bad_header("X-User", meaning) from None
    except DomainError as error:
        raise _bad_header("X-User", f"{meaning}; this one {error.message}") from None


def _bad_header(name: str, meaning: str) -> MalformedRequest:
    return MalformedRequest(Fault(pointer(name), "invalid_header", f"{name} must have {meaning}"))


def _problems(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]


def _body_fault(problem: ErrorDetails) -> Fault:
    kind = problem["type"]
    code = kind if kind in VALUE_CODES else _CODES.get(kind, "wrong_type")
    return Fault(pointer(*problem["loc"]), code, problem["msg"])


def _query_fault(problem: ErrorDetails) -> Fault:
    if problem["type"] == "extra_forbidden":
        return Fault(pointer(*problem["loc"]), "unknown_parameter", "this address takes no such parameter")
    return Fault(pointer(*problem["loc"]), "invalid_query", problem["msg"])
