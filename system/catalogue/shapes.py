"""The shape of a stored event: which paths its JSON has, and of which type each value is.

Two events of one version can differ: a reference that is missing, a list without lines. What reads one may
stumble over the other, so they are told apart.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

_TYPE, _DATA = "_type_", "_data_"

Shape = frozenset[str]


def shape_of(state: Any) -> Shape:
    """The paths of a stored state with their types. Of a list it is what is in any of its elements."""
    return frozenset(_paths(state, ""))


def name_of(shape: Shape) -> str:
    """A short name, the same for the same shape always."""
    return sha256("\n".join(sorted(shape)).encode()).hexdigest()[:8]


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value.keys() == {_TYPE, _DATA}:
        path = f"{path}<{value[_TYPE]}>"
        data = value[_DATA]
        if isinstance(data, list):  # the parts of a value, each with its own meaning
            for number, part in enumerate(data):
                yield from _paths(part, f"{path}.{number}")
        else:
            yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _paths(item, f"{path}.{name}")
    elif isinstance(value, list):
        if not value:
            yield f"{path}[]: empty"
        for item in value:
            yield from _paths(item, f"{path}[]")
    else:
        yield f"{path}: {'null' if value is None else type(value).__name__}"
