"""What stands in an event: which fields, of which types, as its class declares them."""

from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

Kinds = frozenset[type[Any]]

_OF_THE_ROW = ("originator_id", "originator_version")


def what_is_wrong(event_class: Any, facts: dict[str, Any]) -> str | None:
    """What is missing among the facts of an event or is not what it should be; None when all is well.

    This is asked of every event that is read, so it is done without detours.
    """
    scalars, lists = _shape(event_class)
    try:
        for name, kinds in scalars:
            if type(facts[name]) not in kinds:
                return f"its {name} is {_said(facts[name])}"
        for name, kinds in lists:
            if not kinds.issuperset(map(type, facts[name])):
                return f"its {name} are not all what they should be"
        if facts["timestamp"].tzinfo is None:
            return "its time has no zone"
    except KeyError as missing:
        return f"it has no {missing.args[0]}"
    return None


@cache
def _shape(event_class: Any) -> tuple[list[tuple[str, Kinds]], list[tuple[str, Kinds]]]:
    """The types that each field may have; and of the fields that are lists, those of what is in them."""
    scalars: list[tuple[str, Kinds]] = []
    lists: list[tuple[str, Kinds]] = []
    hints: dict[str, Any] = get_type_hints(event_class)
    for name in event_class.__dataclass_fields__:
        if name in _OF_THE_ROW:
            continue
        hint = hints[name]
        if get_origin(hint) is tuple:  # a list of any length, which is how JSON brings it back
            scalars.append((name, frozenset({list, tuple})))
            lists.append((name, frozenset(get_args(hint)[:1])))
        elif get_origin(hint) is UnionType:
            scalars.append((name, frozenset(get_args(hint))))
        else:
            scalars.append((name, frozenset({hint})))
    return scalars, lists


def _said(value: object) -> str:
    """A value that should not be there, in a few words."""
    if value is None:
        return "empty"
    if isinstance(value, datetime):
        return "a time"
    return f"{str(value)[:40]!r}, of the wrong kind"
