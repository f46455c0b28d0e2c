"""What stands in an event: which fields, of which types, as its class declares them."""

from datetime import datetime
from functools import cache
from operator import itemgetter
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

Kinds = frozenset[type[Any]]

_OF_THE_ROW = ("originator_id", "originator_version")


def what_is_wrong(event_class: Any, facts: dict[str, Any]) -> str | None:
    """What is missing among the facts of an event or is not what it should be; None when all is well.

    This is asked of every event that is read, so it is done without detours: a combination of types that
    was found right once is right again.
    """
    shape = _shape(event_class)
    try:
        values = shape.values_of(facts)
        kinds = tuple(map(type, values))
        if kinds not in shape.known:
            for name, value in zip(shape.names, values, strict=True):
                if type(value) not in shape.kinds[name]:
                    return f"its {name} is {_said(value)}"
            shape.known.add(kinds)
        for name, allowed in shape.lists:
            if not allowed.issuperset(map(type, facts[name])):
                return f"its {name} are not all what they should be"
        if facts["timestamp"].tzinfo is None:
            return "its time has no zone"
    except KeyError as missing:
        return f"it has no {missing.args[0]}"
    return None


class _Shape:
    """The types that each field may have; and of the fields that are lists, those of what is in them."""

    def __init__(self, kinds: dict[str, Kinds], lists: list[tuple[str, Kinds]]) -> None:
        self.names = tuple(kinds)
        self.kinds = kinds
        self.lists = lists
        self.values_of = itemgetter(*kinds)
        self.known: set[tuple[type[Any], ...]] = set()
        """Of all fields together, combinations that occur; there are only a few."""


@cache
def _shape(event_class: Any) -> _Shape:
    kinds: dict[str, Kinds] = {}
    lists: list[tuple[str, Kinds]] = []
    hints: dict[str, Any] = get_type_hints(event_class)
    for name in event_class.__dataclass_fields__:
        if name in _OF_THE_ROW:
            continue
        hint = hints[name]
        if get_origin(hint) is tuple:  # a list of any length, which is how JSON brings it back
            kinds[name] = frozenset({list, tuple})
            lists.append((name, frozenset(get_args(hint)[:1])))
        elif get_origin(hint) is UnionType:
            kinds[name] = frozenset(get_args(hint))
        else:
            kinds[name] = frozenset({hint})
    return _Shape(kinds, lists)


def _said(value: object) -> str:
    """A value that should not be there, in a few words."""
    if value is None:
        return "empty"
    if isinstance(value, datetime):
        return "a time"
    return f"{str(value)[:40]!r}, of the wrong kind"
