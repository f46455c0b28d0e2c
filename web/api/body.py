"""A request's body: JSON, read exactly, and refused where two readers could read it differently."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from web.errors import Fault, MalformedRequest

from .limits import MAX_DEPTH, MAX_ERRORS, MAX_NUMBER_CHARACTERS, MAX_NUMBER_EXPONENT, MAX_VALUES

# The last alternative takes a string without an end, so that nothing is ever scanned twice.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_NEVER_TEXT = re.compile("[\x00\ud800-\udfff]")
_RESERVED_KEYS = frozenset({"_type_", "_data_"})  # the transcoder of stored events would interpret them
_SHOWN_OF_KEY = 64

_Path = tuple[Any, ...]  # (path of the parent, key); () is the whole body


@dataclass(frozen=True)
class _Unreadable:
    """Stands where a value was that JSON does not know, or that is too long."""

    code: str
    detail: str


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its names came twice."""

    repeated: tuple[str, ...] = ()


def parse_json(data: bytes) -> dict[str, Any]:
    """The JSON object in a body; numbers with a point are decimals. Raises `MalformedRequest`."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise MalformedRequest(Fault("", "malformed_json", "the body is not UTF-8")) from None
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=lambda name: _Unreadable("malformed_json", f"{name} is not JSON"),
        )
    except ValueError as error:
        raise MalformedRequest(Fault("", "malformed_json", f"the body is not JSON: {error}")) from None
    faults = []
    for fault in _faults(value):
        faults.append(fault)
        if len(faults) == MAX_ERRORS:
            break
    if faults:
        raise MalformedRequest(*faults)
    if not isinstance(value, dict):
        raise MalformedRequest(Fault("", "wrong_type", "the body is a JSON object"))
    return value


def pointer(*parts: object) -> str:
    """The JSON pointer (RFC 6901) to a part of the body; long names are shown in part."""
    return "".join("/" + str(part)[:_SHOWN_OF_KEY].replace("~", "~0").replace("/", "~1") for part in parts)


def _check_depth(text: str) -> None:
    """Before the parser recurses."""
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise MalformedRequest(Fault("", "too_deep", f"a body nests at most {MAX_DEPTH} levels"))


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        found.repeated = tuple(name for name, count in counts.most_common(MAX_ERRORS) if count > 1)
    return found


def _integer(text: str) -> int | _Unreadable:
    return int(text) if len(text) <= MAX_NUMBER_CHARACTERS else _too_long()


def _decimal(text: str) -> Decimal | _Unreadable:
    if len(text) > MAX_NUMBER_CHARACTERS:
        return _too_long()
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _too_long()
    return number if abs(number.adjusted()) <= MAX_NUMBER_EXPONENT else _too_long()


def _too_long() -> _Unreadable:
    return _Unreadable(
        "number_too_long",
        f"a number has at most {MAX_NUMBER_CHARACTERS} characters, "
        f"and its first digit at most {MAX_NUMBER_EXPONENT} places from the point",
    )


def _faults(value: Any) -> Iterator[Fault]:
    """What is wrong anywhere in the body, whatever the body is meant to be."""
    waiting: list[tuple[_Path, Any]] = [((), value)]
    count = 0
    while waiting:
        path, value = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            yield Fault("", "too_many_values", f"a body has at most {MAX_VALUES} values")
            return
        if isinstance(value, _Unreadable):
            yield Fault(_pointer(path), value.code, value.detail)
        elif isinstance(value, str):
            if _NEVER_TEXT.search(value):
                yield Fault(_pointer(path), "forbidden_character", "text has no NUL and no lone surrogate")
        elif isinstance(value, _Object):
            yield from _faults_of_names(path, value)
            waiting.extend(((path, name), item) for name, item in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend(((path, index), item) for index, item in reversed(list(enumerate(value))))


def _faults_of_names(path: _Path, value: _Object) -> Iterator[Fault]:
    for name in value.repeated:
        yield Fault(_pointer((path, name)), "repeated_name", "a name stands once in an object")
    for name in value:
        if name in _RESERVED_KEYS:
            yield Fault(_pointer((path, name)), "reserved_name", f"{name} is not a name of a field")
        elif _NEVER_TEXT.search(name):
            yield Fault(_pointer(path), "forbidden_character", "a name has no NUL and no lone surrogate")


def _pointer(path: _Path) -> str:
    parts: list[object] = []
    while path:
        path, part = path
        parts.append(part)
    return pointer(*reversed(parts))
