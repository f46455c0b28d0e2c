"""What an aggregate's memory makes of events, as a short text that is another one as soon as it makes
something else.

A state that was stored by one release is of use to another only when that would have made the same
of the same events. Nobody has to say so by a version: it is seen from the code. What is looked at is
what remembers: the methods under ``@event``, and whatever they reach (helpers, value types with their
fields, constants, upcasts of the events). Decisions are not.

The compiled code is looked at, since it is what runs here, whatever the files say by now. So it is
the same in every process and on every machine, but not with another minor version of Python.
"""

import hashlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache, cached_property
from importlib.metadata import version
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any, get_args, get_type_hints
from uuid import UUID

from eventsourcing.domain import DomainEvent, decorated_funcs

from domain.shared.aggregates import Aggregate

_PLAIN = (bool, int, str, bytes, Decimal, datetime, date, timedelta, UUID, type(None), type(Ellipsis))
_NOT_WHAT_IT_DOES = frozenset(
    (
        *("__module__", "__doc__", "__qualname__", "__dict__", "__weakref__"),
        # What versions of Python keep beside it: lines, and annotations, which are looked at as hints.
        *("__firstlineno__", "__static_attributes__", "__annotations__", "__annotate_func__"),
        *("__annotate__", "__annotations_cache__", "__conditional_annotations__"),
    )
)


@dataclass(frozen=True)
class Shape:
    """What the state of an aggregate is like: its fingerprint, and the value types that can stand in it,
    by name."""

    fingerprint: str
    value_types: Mapping[str, type[Any]]


@cache
def shape_of(aggregate_class: type[Aggregate]) -> Shape:
    """The shape of the state of an aggregate, as the code that runs here makes it."""
    walk = _Walk(aggregate_class)
    return Shape(walk.fingerprint(), MappingProxyType(walk.value_types))


class _Walk:
    """Goes once through all that the memory of an aggregate reaches, and notes what it finds."""

    def __init__(self, owner: type[Aggregate]) -> None:
        self.value_types: dict[str, type[Any]] = {}
        self._owner = owner
        self._ours = {owner.__module__.partition(".")[0], Aggregate.__module__.partition(".")[0]}
        self._seen: set[int] = set()
        self._notes = hashlib.sha256()

    def fingerprint(self) -> str:
        """See `shape_of`."""
        self._note("python", sys.version_info[:2], "eventsourcing", version("eventsourcing"))
        self._note("aggregate", self._owner.TOPIC)
        self._reach(vars(self._owner).get("__init__"))
        for topic, event_class in self._owner.EVENTS.items():
            self._note("event", topic)
            self._reach(event_class)
            self._reach(decorated_funcs.get(event_class))
        return self._notes.hexdigest()[:32]

    def _note(self, *words: object) -> None:
        self._notes.update(repr(words).encode())

    def _reach(self, thing: Any) -> None:
        """Note a thing and, if it is ours, what it is made of; each once."""
        thing = _behind(thing)
        if isinstance(thing, FunctionType | type):
            self._note(thing.__module__, thing.__qualname__)
            if id(thing) not in self._seen and self._is_ours(thing):
                self._seen.add(id(thing))
                if isinstance(thing, type):
                    self._class(thing)
                else:
                    self._function(thing)
        elif not isinstance(thing, ModuleType):
            self._note(self._said(thing))

    def _is_ours(self, thing: Any) -> bool:
        return str(thing.__module__).partition(".")[0] in self._ours

    def _function(self, function: FunctionType) -> None:
        names = list(self._code(function.__code__, function.__doc__))
        self._note(self._said(function.__defaults__), self._said(function.__kwdefaults__))
        for cell in function.__closure__ or ():
            self._reach(cell.cell_contents)
        for thing in _named(names, function.__globals__):
            self._reach(thing)
        for name in names:  # what it calls on the aggregate itself
            thing = _behind(inspect.getattr_static(self._owner, name, None))
            if isinstance(thing, FunctionType):
                self._reach(thing)

    def _code(self, code: CodeType, doc: str | None) -> Iterator[str]:
        """Note what a function does; all names that it uses."""
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self._note(code.co_code, code.co_names, code.co_flags, parameters)
        yield from code.co_names
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._code(constant, None)
            elif constant != doc or doc is None:
                self._note(self._said(constant))

    def _class(self, kind: type[Any]) -> None:
        if issubclass(kind, Aggregate):
            return  # another one, whose name is enough
        for base in kind.__bases__:
            self._reach(base)
        if issubclass(kind, Enum):
            self.value_types[kind.__name__] = kind
            self._note([(member.name, member.value) for member in kind])
            return
        if is_dataclass(kind):
            if not issubclass(kind, DomainEvent):
                self.value_types[kind.__name__] = kind
            for field in fields(kind):
                self._note(field.name, self._said(field.default), self._said(field.default_factory))
        for name, hint in get_type_hints(kind).items():
            self._note(name, repr(hint) if get_args(hint) else getattr(hint, "__qualname__", repr(hint)))
            for part in _parts(hint):
                self._reach(part)
        for name, thing in vars(kind).items():
            if name not in _NOT_WHAT_IT_DOES and not _is_generated(thing):
                self._note(name)
                self._reach(thing)

    def _said(self, value: Any) -> str:
        """A value in words that are the same in every process; of what has none, what it is."""
        kind = type(value)
        if kind in _PLAIN:
            return repr(value)
        if isinstance(value, Enum):
            self._reach(kind)
            return f"{kind.__name__}.{value.name}"
        if isinstance(value, Mapping):
            return f"{{{', '.join(f'{self._said(k)}: {self._said(v)}' for k, v in value.items())}}}"
        if kind in (tuple, list):
            return f"{kind.__name__}({', '.join(map(self._said, value))})"
        if kind in (set, frozenset):
            return f"{kind.__name__}({', '.join(sorted(map(self._said, value)))})"
        if is_dataclass(value) and self._is_ours(kind):
            self._reach(kind)
            return f"{kind.__name__}({', '.join(self._said(getattr(value, f.name)) for f in fields(value))})"
        if isinstance(value, type):
            return f"{value.__module__}.{value.__qualname__}"
        return f"a {kind.__module__}.{kind.__qualname__}"


def _behind(thing: Any) -> Any:
    """The function behind what stands in a class for it."""
    if isinstance(thing, staticmethod | classmethod):
        return thing.__func__
    if isinstance(thing, property):
        return thing.fget
    if isinstance(thing, cached_property):
        return thing.func
    return getattr(thing, "decorated_func", thing)  # of a method under `@event`


def _named(names: Iterable[str], known: Mapping[str, Any]) -> Iterator[Any]:
    """What these names stand for among what a function knows; of modules and classes also what they name
    in them, since code says `module.Class.constant`."""
    names = list(dict.fromkeys(names))
    found = [known[name] for name in names if name in known]
    for thing in found:
        yield thing
        if isinstance(thing, ModuleType | type) and not isinstance(thing, type(Enum)):
            found += [vars(thing)[name] for name in names if name in vars(thing)]


def _parts(hint: Any) -> Iterator[type[Any]]:
    """The classes in a type hint."""
    if isinstance(hint, type) and not get_args(hint):
        yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _is_generated(thing: Any) -> bool:
    """Whether it was written by `dataclasses`, whose fields are looked at themselves."""
    code = getattr(thing, "__code__", None)
    return code is not None and code.co_filename == "<string>"
