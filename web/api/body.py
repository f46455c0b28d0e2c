"""A request's body: JSON, read exactly, and refused where two readers could read it differently."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from web.errors import Fault, MalformedRequest

from .limits import MAX_DEPTH, MAX_ERRORS, MAX_NUMBER_CHARACTERS, MAX_NUMBER_EXPONENT, MAX_VALUES

# The last alternative takes a string without an end, so that nothing is ever scanned twice.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_EMPTY = re.compile(r"\[[ \t\n\r]*\]|\{[ \t\n\r]*\}")
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
    _check_size(text)
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
    faults: list[Fault] = []
    _find_faults((), value, faults)
    if faults:
        raise MalformedRequest(*faults[:MAX_ERRORS])
    if not isinstance(value, dict):
        raise MalformedRequest(Fault("", "wrong_type", "the body must be a JSON object"))
    return value


def pointer(*parts: object) -> str:
    """The JSON pointer (RFC 6901) to a part of the body; long names are shown in part."""
    return "".join("/" + str(part)[:_SHOWN_OF_KEY].replace("~", "~0").replace("/", "~1") for part in parts)


def _check_size(text: str) -> None:
    """Before the parser recurses, and before it makes an object of each value."""
    # A value has at most one text as its name and one as itself, and a text has two quotes.
    if text.count('"') - text.count('\\"') > 4 * MAX_VALUES:
        raise _too_many_values()
    bare = _STRING.sub('""', text)
    depth = 0
    for found in islice(_BRACKET.finditer(bare), 2 * MAX_VALUES):
        depth += 1 if found[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise MalformedRequest(Fault("", "too_deep", f"a body may nest at most {MAX_DEPTH} levels"))
    most = 1 + bare.count(",") + bare.count("[") + bare.count("{")
    if most > MAX_VALUES and most - _EMPTY.subn("", bare)[1] > MAX_VALUES:
        raise _too_many_values()


def _too_many_values() -> MalformedRequest:
    return MalformedRequest(Fault("", "too_many_values", f"a body may have at most {MAX_VALUES} values"))


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
        f"a number may have at most {MAX_NUMBER_CHARACTERS} characters, "
        f"and its first digit may be at most {MAX_NUMBER_EXPONENT} places from the decimal point",
    )


def _find_faults(path: _Path, value: Any, faults: list[Fault]) -> None:
    """What is wrong anywhere in the body, whatever the body is meant to be: at least as much as is told."""
    kind = type(value)
    if kind is str:
        if _NEVER_TEXT.search(value):
            faults.append(
                Fault(_pointer(path), "forbidden_character", "a text may not have NUL or a lone surrogate")
            )
    elif kind is _Unreadable:
        faults.append(Fault(_pointer(path), value.code, value.detail))
    elif value and (kind is _Object or kind is list):
        if kind is _Object:
            _find_faults_of_names(path, value, faults)
        for name, item in value.items() if kind is _Object else enumerate(value):
            if len(faults) >= MAX_ERRORS:
                return
            if item.__class__ in _LOOKED_INTO:
                _find_faults((path, name), item, faults)


def _find_faults_of_names(path: _Path, value: _Object, faults: list[Fault]) -> None:
    for name in value.repeated:
        faults.append(Fault(_pointer((path, name)), "repeated_name", "this name is in the object twice"))
    for name in value:
        if name in _RESERVED_KEYS:
            faults.append(Fault(_pointer((path, name)), "reserved_name", f"no field may be named {name}"))
        elif _NEVER_TEXT.search(name):
            faults.append(
                Fault(_pointer(path), "forbidden_character", "a name may not have NUL or a lone surrogate")
            )
            if len(faults) >= MAX_ERRORS:
                return


_LOOKED_INTO = (str, _Unreadable, _Object, list)
"""Any other value is right as it is."""


def _pointer(path: _Path) -> str:
    parts: list[object] = []
    while path:
        path, part = path
        parts.append(part)
    return pointer(*reversed(parts))
