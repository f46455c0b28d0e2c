"""Whether a kind of event can be brought up from every version in which it was ever stored.

A class in version n has one upcast for each step, ``upcast_v1_v2`` to ``upcast_v(n-1)_vn``. What is wrong
with them is told when the class is made, so that nothing starts which could misread an old event.
"""

import re
from inspect import CO_VARARGS, CO_VARKEYWORDS, getattr_static, isgeneratorfunction
from types import FunctionType, ModuleType
from typing import Any

_STEP = re.compile(r"upcast_v([1-9][0-9]*)_v([1-9][0-9]*)")
_LOOKS_AROUND = frozenset(
    {"now", "utcnow", "today", "open", "input", "print", "eval", "exec", "__import__", "globals", "environ"}
)
"""What an upcast cannot name without looking at more than the state that it is given."""


class BrokenUpcasts(TypeError):
    """The upcasts of a kind of event do not lead from its first version to the present one: a fault in the
    program, told when it starts."""


def check_upcasts(topic: str, event_class: type[Any]) -> None:
    """Raise `BrokenUpcasts`, with the event and the step, for a gap, a step that leads back or too far, and
    an upcast that could look at more than the stored state.

    A class whose own version is lower than that of its base inherits upcasts that it has no use for;
    those are passed over.
    """
    version = getattr(event_class, "class_version", 1)
    if type(version) is not int or version < 1:
        raise BrokenUpcasts(f"{topic} has class_version {version!r}, and versions count from 1")
    for name in vars(event_class):
        if name.startswith("upcast"):
            _check_name(topic, name, version)
    for step in range(1, version):
        name = f"upcast_v{step}_v{step + 1}"
        upcast = getattr_static(event_class, name, None)
        if upcast is None:
            raise BrokenUpcasts(
                f"{topic} is in version {version} and has no {name}: what was stored in version {step} "
                "could not be read"
            )
        why = _what_it_looks_at(upcast)
        if why is not None:
            raise BrokenUpcasts(f"{topic}.{name} {why}: an upcast is a static method that sees a state alone")


def _check_name(topic: str, name: str, version: int) -> None:
    """Raise `BrokenUpcasts` for an upcast of the class itself that is no step of its chain."""
    step = _STEP.fullmatch(name)
    if step is None:
        raise BrokenUpcasts(f"{topic}.{name} is not called like a step, for instance upcast_v1_v2")
    before, after = int(step[1]), int(step[2])
    if after <= before:
        raise BrokenUpcasts(f"{topic}.{name} leads back, so versions would go round in a circle")
    if after != before + 1:
        raise BrokenUpcasts(f"{topic}.{name} is more than one step; each version has its own")
    if after > version:
        raise BrokenUpcasts(f"{topic}.{name} leads beyond version {version}, which is the present one")


def _what_it_looks_at(upcast: object) -> str | None:
    """Why an upcast may not give the same every time, as far as its form tells; None when it must."""
    if not isinstance(upcast, staticmethod) or not isinstance(upcast.__func__, FunctionType):
        return "is not a static method"
    function = upcast.__func__
    code = function.__code__
    takes_more = code.co_flags & (CO_VARARGS | CO_VARKEYWORDS) or code.co_kwonlyargcount
    if code.co_argcount != 1 or takes_more:
        return "takes something else than one state"
    if function.__closure__ is not None or isgeneratorfunction(function):
        return "depends on what is around it"
    named = set(code.co_names)
    modules = {name for name in named if isinstance(function.__globals__.get(name), ModuleType)}
    if found := sorted(modules | named & _LOOKS_AROUND):
        return f"uses {', '.join(found)}"
    return None
