"""The state of an aggregate as plain data, whatever its attributes are, and what two of them differ in.

Amounts are decimal strings with their currency beside them, times RFC 3339 in UTC. What the aggregate
remembers of its storage (id, version, times, last command) stands with the event that is shown beside it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from itertools import chain
from typing import Any

from application.views import to_json

BESIDE_THE_STATE = frozenset({"last_command_id"})
DEEPEST = 20
"""Deeper than any state is; what lies below is shown as a text."""

_SCALARS = (str, int, float, type(None))


@dataclass(frozen=True)
class FieldChange:
    """One field that differs. `change` is "changed", "added" or "removed"; what is not there is None."""

    field: str
    change: str
    before: Any
    after: Any


def state_of(aggregate: object) -> dict[str, Any]:
    """The attributes of an aggregate as what `json.dumps` takes."""
    return {
        name: _plain(value, DEEPEST)
        for name, value in vars(aggregate).items()
        if not name.startswith("_") and name not in BESIDE_THE_STATE
    }


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a state that has none below it, by its path: ``items[0].quantity``."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, _joined(path, key))
    elif isinstance(value, list) and value:
        for number, below in enumerate(value):
            yield from leaves(below, f"{path}[{number}]")
    else:
        yield path, value


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """What differs between two states, in the order of their fields."""
    old, new = dict(leaves(before)), dict(leaves(after))
    found = []
    for path in dict.fromkeys(chain(old, new)):
        if path not in new:
            found.append(FieldChange(path, "removed", old[path], None))
        elif path not in old:
            found.append(FieldChange(path, "added", None, new[path]))
        elif old[path] != new[path]:
            found.append(FieldChange(path, "changed", old[path], new[path]))
    return found


def _joined(path: str, key: str) -> str:
    if not key.replace("_", "").replace("-", "").isalnum():
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key


def _plain(value: Any, deepest: int) -> Any:
    """Whatever it is as JSON, and nothing that it does not say about itself."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, _SCALARS):
        return value
    if deepest == 0:
        return str(value)
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, deepest - 1) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return [_plain(item, deepest - 1) for item in sorted(value, key=str)]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item, deepest - 1) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), deepest - 1) for field in fields(value)}
    try:
        return to_json(value)
    except TypeError:  # nothing that is written as JSON elsewhere
        return str(value)


def _key(key: Any) -> str:
    return ":".join(map(str, key)) if isinstance(key, tuple) else str(key)
